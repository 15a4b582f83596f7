import { join } from 'node:path'
import type { Config } from '../config.ts'
import { addToken, revokeToken } from '../inventory/tokens.ts'
import { badOption, type Command, numberOption, textOption, timeOption, UsageError } from './command.ts'

const dayMs = 86_400_000

export const simulateCommands: Record<string, Command> = {
  simulate: {
    usage: 'simulate [--seed s] [--start t] [--days n] [--speed x] [--assets n] [--url u] [--mqtt u] [--token t]',
    summary: {
      fr: 'Fait vivre une ville simulée, qui publie comme de vrais appareils',
      en: 'Runs a simulated city, which publishes as real devices do',
    },
    words: 0,
    options: {
      seed: { type: 'string' },
      start: { type: 'string' },
      days: { type: 'string' },
      speed: { type: 'string' },
      assets: { type: 'string' },
      url: { type: 'string' },
      mqtt: { type: 'string' },
      token: { type: 'string' },
    },
    optionTexts: {
      seed: {
        fr: 'nombre entier ; la même graine donne la même ville (1)',
        en: 'whole number; the same seed gives the same city (1)',
      },
      start: { fr: 'début du temps simulé (il y a 30 jours)', en: 'beginning of simulated time (30 days ago)' },
      days: { fr: 'durée simulée en jours ; sans fin sinon', en: 'simulated days; without end otherwise' },
      speed: { fr: 'combien de fois plus vite (1)', en: 'how many times faster (1)' },
      assets: { fr: 'nombre d’équipements (600)', en: 'number of assets (600)' },
      url: { fr: 'adresse de la plate-forme', en: 'address of the platform' },
      mqtt: { fr: 'adresse MQTT de la plate-forme', en: 'MQTT address of the platform' },
      token: {
        fr: 'jeton de rôle manager ; créé pour la durée sinon',
        en: 'token of role manager; made for the run otherwise',
      },
    },
    async run({ config, access, print, progress }, _, values) {
      const seed = numberOption(values, 'seed') ?? 1
      const assets = numberOption(values, 'assets') ?? 600
      if (!Number.isSafeInteger(seed)) throw badOption('seed', seed, '1')
      if (!Number.isInteger(assets) || assets < 1) throw badOption('assets', assets, '600')
      const ownToken = textOption(values, 'token')
      const made =
        ownToken === undefined ? await addToken(await access(), { role: 'manager', name: 'simulate' }) : undefined
      const stop = new AbortController()
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
      try {
        const { simulate } = await import('../simulators/simulate.ts')
        const summary = await simulate({
          seed,
          assets,
          startMs: timeOption(values, 'start') ?? Date.now() - 30 * dayMs,
          days: numberOption(values, 'days'),
          speed: numberOption(values, 'speed') ?? 1,
          httpUrl: textOption(values, 'url') ?? httpUrl(config),
          mqttUrl: textOption(values, 'mqtt') ?? mqttUrl(config),
          token: ownToken ?? made!.token,
          secretsFile: join(config.PARVIS_DATA_DIR, 'simulated-city.json'),
          signal: stop.signal,
          log: progress,
        })
        print(summary, JSON.stringify(summary, null, 2))
      } catch (error) {
        if (error instanceof RangeError) throw new UsageError(error.message)
        throw error
      } finally {
        if (made !== undefined) await revokeToken(await access(), made.id)
      }
    },
  },
}

function httpUrl({ PARVIS_HTTP_HOST, PARVIS_HTTP_PORT, PARVIS_TLS_CERT }: Config): string {
  return `${PARVIS_TLS_CERT === undefined ? 'http' : 'https'}://${reachable(PARVIS_HTTP_HOST)}:${PARVIS_HTTP_PORT}`
}

function mqttUrl({ PARVIS_MQTT_HOST, PARVIS_MQTT_PORT }: Config): string {
  return `mqtt://${reachable(PARVIS_MQTT_HOST)}:${PARVIS_MQTT_PORT}`
}

/** Who listens on every address is reached on the machine's own; an IPv6 address stands in brackets. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
