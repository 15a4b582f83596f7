import { describe, expect, test } from 'vitest'
import { formats, models } from '../../devices/catalogue.ts'
import { compileDecoder } from '../../devices/codec.ts'
import type { Envelope } from '../../devices/model.ts'
import type { Uplink } from '../../domain/uplink.ts'
import { rememberFrames, sameFrameMs } from '../../ingest/frames.ts'
import { openIngest } from '../../ingest/ingest.ts'
import { addDevice } from '../../inventory/devices.ts'
import { addIntegration } from '../../inventory/integrations.ts'
import { requestReplay } from '../../inventory/requests.ts'
import { systemAccess } from '../../store/access.ts'
import { openEmbeddedStore } from '../../store/embedded.ts'
import { openIngestReader } from '../../store/ingest-reader.ts'
import { journalFolder, openJournal } from '../../store/journal.ts'
import { makeFolder, makeRegistry } from '../support/registry.ts'

const heardAt = Date.parse('2026-03-02T06:00:00Z')
const deviceId = '70b3d5e75e010203'

describe('the same frame', () => {
  let seq = 0
  const frames = rememberFrames()
  const hear = (counter: number, more: Partial<Envelope> = {}, at: Partial<Uplink> = {}) => {
    const uplink = { seq: ++seq, clientId: 'lora', topic: 't', payload: Buffer.alloc(0), receivedAt: heardAt, ...at }
    const envelope: Envelope = {
      deviceId,
      payload: Buffer.from([counter]),
      port: 2,
      observedAt: heardAt,
      frame: { counter, address: '01' },
      readings: [],
      faults: [],
      ...more,
    }
    return frames.isRepeat(uplink, envelope)
  }

  test('is told once, by whichever network it comes', () => {
    expect(hear(1)).toBe(false)
    expect(hear(1, { observedAt: heardAt + 800 })).toBe(true)
    expect(hear(1, { observedAt: heardAt - 800, frame: { counter: 1 } })).toBe(true)
    expect(hear(2)).toBe(false)
  })

  test('an uplink that is taken again is no repeat of itself', () => {
    expect(hear(3, {}, { seq: 1000 })).toBe(false)
    expect(hear(3, {}, { seq: 1000 })).toBe(false)
    expect(hear(3, {}, { seq: 1001 })).toBe(true)
  })

  test('after a join, a reset, on another port, with another payload or much later it is another frame', () => {
    expect(hear(4)).toBe(false)
    expect(hear(4, { frame: { counter: 4, address: '02' } })).toBe(false)
    expect(hear(5)).toBe(false)
    expect(hear(5, { observedAt: heardAt + sameFrameMs + 1 })).toBe(false)
    expect(hear(6)).toBe(false)
    expect(hear(6, { payload: Buffer.from([9]) })).toBe(false)
    expect(hear(7)).toBe(false)
    expect(hear(7, { port: 3 })).toBe(false)
    expect(hear(7, { port: 3, deviceId: 'another' })).toBe(false)
  })

  test('without a counter nothing is a repeat', () => {
    for (let i = 0; i < 3; i++) expect(hear(8, { frame: undefined })).toBe(false)
  })
})

test('a frame that two networks heard gives its readings once: live, over a restart, and in a replay that begins between', async () => {
  const dataDir = makeFolder()
  const registry = await makeRegistry(dataDir)
  const access = systemAccess(registry, 'test')
  for (const name of ['city', 'operator'])
    await addIntegration(access, { name, format: 'chirpstack-v4', topics: ['application/#'] })
  await addDevice(access, { id: deviceId, model: 'parvis-fill-100' })
  const open = () =>
    openIngest({
      dataDir,
      registry,
      catalogue: { models, formats, compileDecoder },
      openStore: openEmbeddedStore,
      horizonDays: 36_500,
      zone: 'UTC',
      log: () => {},
    })
  const journal = await openJournal({
    folder: journalFolder(dataDir),
    maxBytes: 1 << 26,
    maxDays: 30,
    confirmedSeq: () => 0,
    log: () => {},
  })
  const hear = (clientId: string, fCnt: number, ms: number) =>
    new Promise<void>((resolve, reject) => {
      const message = {
        time: new Date(heardAt + ms).toISOString(),
        deviceInfo: { devEui: deviceId },
        devAddr: '00189440',
        fCnt,
        fPort: 2,
        data: 'AZyWAHsCVw==',
        rxInfo: [{ gatewayId: clientId, rssi: -90, snr: 5 }],
      }
      const payload = Buffer.from(JSON.stringify(message))
      const uplink = { clientId, topic: `application/1/device/${deviceId}/event/up`, payload, receivedAt: heardAt + ms }
      journal.append(uplink, (error) => (error === null ? resolve() : reject(error)))
    })
  const reader = openIngestReader(dataDir)
  const times = () => reader.latestOf([deviceId]).map(({ observedAt }) => observedAt - heardAt)
  const countOf = async () => {
    const series = await reader.readings.query({
      devices: [deviceId],
      quantity: 'frame_counter',
      from: 0,
      to: heardAt * 2,
    })
    return series.flatMap(({ points }) => points.map(([time]) => time - heardAt))
  }

  await hear('city', 1, 0)
  await hear('operator', 1, 700)
  let ingest = open()
  while (await ingest.step());
  await ingest.step()
  expect(await countOf()).toEqual([0])
  await ingest.dispose()

  // The copy comes after a restart.
  await hear('operator', 1, 900)
  await hear('city', 2, 60_000)
  ingest = open()
  await ingest.step()
  expect(await countOf()).toEqual([0, 60_000])

  // The first copy lies before the span.
  const { id } = await requestReplay(access, { from: heardAt + 500 })
  for (let i = 0; i < 1000 && reader.replay(id)?.state !== 'done'; i++) {
    await ingest.step()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect(reader.replay(id)?.state).toBe('done')
  expect(await countOf()).toEqual([0, 60_000])
  expect(Math.max(...times())).toBe(60_000)
  await ingest.dispose()
  reader.close()
  await journal.close()
})
