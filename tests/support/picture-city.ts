import { setTimeout } from 'node:timers/promises'
import mqtt from 'mqtt'
import { type Site, startSite } from './site.ts'
import { until } from './until.ts'

const dayMs = 86_400_000
const historyDays = 30
const swappedDaysAgo = 9
// The month that was is sent as fast as the platform takes it.
const historyWaitMs = 600_000

type Items<Item> = { items: Item[] }
type Status = { assetId: string; deviceId: string }

/** The city that pictures are taken of; `swapped` is a bin whose sensor was swapped, and the device that is there now. */
export type PictureCity = { site: Site; swapped: Status }

/**
 * The simulated city with a month of history, and what a day's work finds in it: a bin whose sensor was swapped, a model
 * of one's own that reads with a wrong factor, and a device that nobody has registered.
 */
export async function startPictureCity(): Promise<PictureCity> {
  const site = await startSite({ city: { assets: 200 }, webGl: true })
  try {
    await sendWithWrongFactor(site)
    await sendAsStranger(site)
    const swapped = await swapSensor(site)
    await until(() => hasHistory(site, swapped.assetId), historyWaitMs)
    return { site, swapped }
  } catch (error) {
    await site.close()
    throw error
  }
}

/** Puts the sensor of one bin on another, as if it had been done days ago. */
async function swapSensor({ request }: Site): Promise<Status> {
  const bins = '/status/assets?kind=waste_container&limit=2'
  const { items } = await request<Items<{ assetId: string }>>('GET', bins)
  const [kept, robbed] = await Promise.all(items.map(({ assetId }) => findSensor(request, assetId)))
  const at = new Date(Date.now() - swappedDaysAgo * dayMs).toISOString()
  await request('PATCH', `/installations/${robbed!.id}`, { removedAt: at })
  await request('POST', '/installations/swap', { oldDeviceId: kept!.deviceId, newDeviceId: robbed!.deviceId, at })
  return { assetId: kept!.assetId, deviceId: robbed!.deviceId }
}

/** The installation of the whole device that a bin has of its own; the lorry that weighs it tells of one by a channel. */
async function findSensor(request: Site['request'], assetId: string): Promise<Status & { id: string }> {
  const path = `/assets/${assetId}/installations`
  const { items } = await request<Items<Status & { id: string; channel: string | null }>>('GET', path)
  return items.find((each) => each.channel === null)!
}

async function hasHistory({ request }: Site, assetId: string): Promise<boolean> {
  await setTimeout(1000)
  const from = new Date(Date.now() - historyDays * dayMs).toISOString()
  const query = new URLSearchParams({ quantity: 'fill_level', from, window: '1d' })
  const { series } = await request<{ series: { points: unknown[] }[] }>('GET', `/assets/${assetId}/readings?${query}`)
  return series.reduce((sum, { points }) => sum + points.length, 0) >= historyDays
}

async function sendWithWrongFactor(site: Site): Promise<void> {
  const fields = [{ path: 't', quantity: 'temperature', scale: 100 }]
  await site.request('POST', '/models', { id: 'own-probe', label: 'Sonde maison', table: { fields } })
  const probe = await site.connectDevice('probe-7')
  await site.request('PATCH', '/devices/probe-7', { model: 'own-probe' })
  for (const t of [21.5, 21.7, 22.1])
    await probe.publishAsync('devices/probe-7/up', JSON.stringify({ t, h: 40 }), { qos: 1 })
}

async function sendAsStranger(site: Site): Promise<void> {
  const { secret } = await site.request<{ secret: string }>('POST', '/integrations', {
    name: 'depot',
    format: 'generic-json',
    topics: ['depot/#'],
  })
  const url = `mqtt://127.0.0.1:${site.platform.mqttPort}`
  const gateway = await mqtt.connectAsync(url, { clientId: 'depot', username: 'depot', password: secret })
  // What comes before ingest knows of the integration is of nobody.
  await until(async () => {
    const payload = JSON.stringify({ readings: { fill_level: 52 } })
    await gateway.publishAsync('depot/capteur-neuf/up', payload, { qos: 1 })
    await setTimeout(500)
    return (await site.request<Items<object>>('GET', '/devices/to-adopt')).items.length > 0
  }, 30_000)
  await gateway.endAsync()
}
