import mqtt from 'mqtt'
import { readRoleState } from '../../store/role-state.ts'
import { badInputs } from '../support/bad-input.ts'
import { parvis, startPlatform } from '../support/platform.ts'
import { until } from '../support/until.ts'

/** What bad input did: dead letters a payload published, and how long it held the broker's event loop up. */
export type BadInputReport = { published: number; deadLetters: number; longestDelayMs: number; stalls: number }

/** Publishes everything that nobody can use, again and again, to the whole platform. */
export async function runBadInputTrial({ folder, times }: { folder: string; times: number }): Promise<BadInputReport> {
  const { secret } = await parvis<{ secret: string }>(folder, 'device', 'add', 'probe', '--model', 'generic-json')
  const platform = await startPlatform({ dataDir: folder, env: { PARVIS_LOG_LEVEL: 'error' } })
  try {
    const client = await mqtt.connectAsync({
      port: platform.mqttPort,
      clientId: 'probe',
      username: 'probe',
      password: secret,
    })
    for (let i = 0; i < times; i++)
      for (const [, payload] of badInputs) await client.publishAsync('devices/probe/up', payload, { qos: 1 })
    await client.endAsync()
    const published = times * badInputs.length
    const count = () => readRoleState(folder, 'ingest').counters.dead_letters_total ?? 0
    await until(() => count() >= published, 60_000)
    const metrics = await (await fetch(`${platform.httpUrl}/metrics`)).text()
    const read = (name: string) => Number(new RegExp(`^parvis_broker_event_loop_${name} (.+)$`, 'm').exec(metrics)?.[1])
    return { published, deadLetters: count(), longestDelayMs: read('delay_max_ms'), stalls: read('stalls_total') }
  } finally {
    await platform.stop()
  }
}
