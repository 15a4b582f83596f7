import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { z } from 'zod'

const port = z.coerce.number().int().min(0).max(65_535)
const host = z.string().min(1)
const positive = z.coerce.number().int().positive()
const flag = z.enum(['true', 'false', '1', '0']).transform((text) => text === 'true' || text === '1')

const gibibyte = 2 ** 30

/**
 * Every setting, by its environment variable, with what it takes and its default. Nothing else in Parvis reads the
 * environment. Sizes are bytes, ports 0 mean: any free one.
 */
const settings = {
  PARVIS_DATA_DIR: z.string().min(1).default('./data').describe('folder that holds everything Parvis writes'),
  PARVIS_MQTT_HOST: host.default('127.0.0.1').describe('address that the MQTT broker listens on'),
  PARVIS_MQTT_PORT: port.default(1883).describe('MQTT port'),
  PARVIS_MQTT_TLS_PORT: port.optional().describe('MQTT over TLS port; needs PARVIS_TLS_CERT and PARVIS_TLS_KEY'),
  PARVIS_MQTT_WS_PORT: port.optional().describe('MQTT over WebSocket port; wss when TLS is set'),
  PARVIS_MQTT_MAX_PACKET_BYTES: positive
    .min(1024)
    .max(268_435_455)
    .default(2 * 2 ** 20)
    .describe('largest MQTT packet, in bytes'),
  PARVIS_HTTP_HOST: host.default('127.0.0.1').describe('address that the API and the pages listen on'),
  PARVIS_HTTP_PORT: port.default(8080).describe('HTTP port; https when TLS is set'),
  PARVIS_TLS_CERT: z.string().optional().describe('file of the certificate chain, PEM'),
  PARVIS_TLS_KEY: z.string().optional().describe('file of the private key, PEM'),
  PARVIS_PUBLIC_URL: z.url().optional().describe('address that people use, for links and cookies'),
  PARVIS_TRUST_PROXY: flag.default(false).describe('true behind a reverse proxy that sets X-Forwarded-*'),
  PARVIS_STORE: z
    .enum(['embedded', 'influxdb1', 'influxdb2', 'influxdb3'])
    .default('embedded')
    .describe('where readings are kept: embedded, influxdb1, influxdb2 or influxdb3'),
  PARVIS_INFLUX_URL: z
    .url({ protocol: /^https?$/, error: 'expected an address such as http://127.0.0.1:8086' })
    .optional()
    .describe('address of InfluxDB'),
  PARVIS_INFLUX_DATABASE: z.string().default('parvis').describe('database of InfluxDB 1.x and 3'),
  PARVIS_INFLUX_USERNAME: z.string().optional().describe('user of InfluxDB 1.x, where it asks for one'),
  PARVIS_INFLUX_PASSWORD: z.string().optional().describe('password of InfluxDB 1.x'),
  PARVIS_INFLUX_TOKEN: z.string().optional().describe('token of InfluxDB 2.x and 3'),
  PARVIS_INFLUX_ORG: z.string().optional().describe('organisation of InfluxDB 2.x'),
  PARVIS_INFLUX_BUCKET: z.string().default('parvis').describe('bucket of InfluxDB 2.x'),
  PARVIS_REGISTRY: z
    .union([z.literal('sqlite'), z.url({ protocol: /^postgres(ql)?$/ })], {
      error: 'expected sqlite or postgres://user:password@host:5432/database',
    })
    .default('sqlite')
    .describe('database of the registry: sqlite, in the data folder, or a postgres:// URL'),
  PARVIS_LANG: z.enum(['fr', 'en']).default('fr').describe('language when the reader names none: fr or en'),
  PARVIS_TIME_ZONE: z
    .string()
    .default('Europe/Paris')
    .refine((zone) => Intl.supportedValuesOf('timeZone').includes(zone) || zone === 'UTC', {
      error: 'expected an IANA time zone, such as Europe/Paris',
    })
    .describe('wall clock of pages and days, an IANA zone'),
  PARVIS_JOURNAL_MAX_BYTES: positive
    .min(1 << 20)
    .default(4 * gibibyte)
    .describe('size that the journal may reach, in bytes'),
  PARVIS_JOURNAL_MAX_DAYS: positive.default(30).describe('days that stored uplinks stay in the journal, for replays'),
  PARVIS_HORIZON_DAYS: positive.default(730).describe('age past which a reading is refused as too old, in days'),
  PARVIS_RETENTION_DAYS: positive.optional().describe('days that readings are kept; for ever when not set'),
  PARVIS_DOCUMENTS_MAX_BYTES: positive
    .default(10 * gibibyte)
    .describe('size that documents and photos may reach together, in bytes'),
  PARVIS_MAP_STYLE: z
    .url({ protocol: /^https?$/, error: 'expected an address such as https://maps.example.org/style.json' })
    .optional()
    .describe('address of a MapLibre style for the map; a plain ground, from no other server, when not set'),
  PARVIS_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('least severity that is logged'),
} as const

const schema = z.object(settings)

/** The settings, checked, by their environment names. */
export type Config = z.infer<typeof schema>

const neededBy = {
  embedded: [],
  influxdb1: ['PARVIS_INFLUX_URL'],
  influxdb2: ['PARVIS_INFLUX_URL', 'PARVIS_INFLUX_TOKEN', 'PARVIS_INFLUX_ORG'],
  influxdb3: ['PARVIS_INFLUX_URL'],
} as const satisfies Record<Config['PARVIS_STORE'], readonly (keyof Config)[]>

/** A wrong setting: the start stops, and the message names it and what it takes. */
export class ConfigError extends Error {}

/**
 * Reads the settings from `env`, then from the `.env` file of `folder` for what `env` does not have.
 * Throws ConfigError for an unknown `PARVIS_*` name, a bad value, or values that contradict each other.
 */
export function loadConfig(env: Record<string, string | undefined> = process.env, folder = process.cwd()): Config {
  const given: Record<string, string> = {}
  for (const source of [readDotEnv(join(folder, '.env')), env])
    for (const [name, value] of Object.entries(source))
      if (name.startsWith('PARVIS_') && value !== undefined) given[name] = value
  const wrong: string[] = []
  for (const name of Object.keys(given))
    if (!Object.hasOwn(settings, name)) wrong.push(`${name}: there is no such setting${suggest(name)}`)
  for (const [name, value] of Object.entries(given)) if (value === '') delete given[name]
  const parsed = schema.safeParse(given)
  if (!parsed.success)
    for (const issue of parsed.error.issues) {
      const name = String(issue.path[0])
      const takes = settings[name as keyof typeof settings]?.description
      if (takes !== undefined) wrong.push(`${name}: ${issue.message} (${takes})`)
    }
  const config = parsed.data
  if (config !== undefined) {
    if ((config.PARVIS_TLS_CERT === undefined) !== (config.PARVIS_TLS_KEY === undefined))
      wrong.push('PARVIS_TLS_CERT and PARVIS_TLS_KEY go together: set both or neither')
    if (config.PARVIS_MQTT_TLS_PORT !== undefined && config.PARVIS_TLS_CERT === undefined)
      wrong.push('PARVIS_MQTT_TLS_PORT needs PARVIS_TLS_CERT and PARVIS_TLS_KEY')
    if (config.PARVIS_RETENTION_DAYS !== undefined && config.PARVIS_HORIZON_DAYS > config.PARVIS_RETENTION_DAYS)
      wrong.push('PARVIS_HORIZON_DAYS must not be longer than PARVIS_RETENTION_DAYS: what is removed could come again')
  }
  if (config !== undefined) wrong.push(...findMissing(config, config.PARVIS_STORE))
  if (wrong.length > 0 || config === undefined) throw new ConfigError(wrong.join('\n'))
  return config
}

function findMissing(config: Config, kind: Config['PARVIS_STORE']): string[] {
  return neededBy[kind]
    .filter((name) => config[name] === undefined)
    .map((name) => `${name}: the store ${kind} needs it`)
}

/** The address at which people open the pages: the one that is set, or this machine's. */
export function addressOfPages(config: Config, port = config.PARVIS_HTTP_PORT): string {
  if (config.PARVIS_PUBLIC_URL !== undefined) return config.PARVIS_PUBLIC_URL.replace(/\/+$/, '')
  const everywhere = { '0.0.0.0': '127.0.0.1', '::': '::1' } as Record<string, string>
  const host = everywhere[config.PARVIS_HTTP_HOST] ?? config.PARVIS_HTTP_HOST
  return `${config.PARVIS_TLS_CERT === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** The reading store that the settings choose, or another one that they tell of. Throws ConfigError for what is missing. */
export function chooseStore(config: Config, kind = config.PARVIS_STORE) {
  const wrong = findMissing(config, kind)
  if (wrong.length > 0) throw new ConfigError(wrong.join('\n'))
  const { PARVIS_INFLUX_TOKEN: token, PARVIS_INFLUX_DATABASE: database, PARVIS_RETENTION_DAYS: retentionDays } = config
  const url = config.PARVIS_INFLUX_URL ?? ''
  const { PARVIS_INFLUX_USERNAME: username, PARVIS_INFLUX_PASSWORD: password } = config
  const org = config.PARVIS_INFLUX_ORG ?? ''
  const bucket = config.PARVIS_INFLUX_BUCKET
  const choices = {
    embedded: { kind: 'embedded', retentionDays },
    influxdb1: { kind: 'influxdb1', url, database, username, password, retentionDays },
    influxdb2: { kind: 'influxdb2', url, token: token ?? '', org, bucket, retentionDays },
    influxdb3: { kind: 'influxdb3', url, database, token, retentionDays },
  } as const
  return choices[kind]
}

/** The rows of the documentation's table of settings: name, what it takes, default. */
export function describeSettings(): { name: string; takes: string; fallback: string }[] {
  const defaults = schema.parse({})
  return Object.entries(settings).map(([name, setting]) => {
    const fallback = defaults[name as keyof Config]
    return { name, takes: setting.description ?? '', fallback: fallback === undefined ? '' : String(fallback) }
  })
}

function readDotEnv(file: string): Record<string, string | undefined> {
  if (!existsSync(file)) return {}
  return parseEnv(readFileSync(file, 'utf8'))
}

function suggest(name: string): string {
  const known = Object.keys(settings).find((each) => each.replaceAll('_', '') === name.replaceAll('_', ''))
  return known === undefined ? '; README.md lists them' : `; did you mean ${known}?`
}
