import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ParseArgsOptionsConfig } from 'node:util'
import type { Config } from '../config.ts'
import type { Label } from '../domain/quantity.ts'
import { type Command, neededOption, type OptionValues, textOption, UsageError } from './command.ts'

const sourceOptions: ParseArgsOptionsConfig = {
  'api-url': { type: 'string' },
  'api-token': { type: 'string' },
  'influx-url': { type: 'string' },
}

const sourceTexts: Readonly<Record<string, Label>> = {
  'api-url': {
    fr: 'adresse de Parvis vue de Grafana (PARVIS_PUBLIC_URL, ou l’adresse locale)',
    en: 'address of Parvis as Grafana sees it (PARVIS_PUBLIC_URL, or the local one)',
  },
  'api-token': { fr: 'jeton Parvis de rôle viewer', en: 'token of Parvis of role viewer' },
  'influx-url': {
    fr: 'adresse d’InfluxDB vue de Grafana (PARVIS_INFLUX_URL)',
    en: 'address of InfluxDB as Grafana sees it (PARVIS_INFLUX_URL)',
  },
}

export const grafanaCommands: Record<string, Command> = {
  'grafana write': {
    usage: 'grafana write <folder> --api-token t [--at path] [--api-url u] [--influx-url u]',
    summary: {
      fr: 'Écrit tableaux, sources et alertes pour le dossier « provisioning » de Grafana',
      en: 'Writes dashboards, data sources and alert rules for the provisioning folder of Grafana',
    },
    words: 1,
    options: { ...sourceOptions, at: { type: 'string' } },
    optionTexts: {
      ...sourceTexts,
      at: {
        fr: 'où Grafana trouve ce dossier (/etc/grafana/provisioning)',
        en: 'where Grafana finds this folder (/etc/grafana/provisioning)',
      },
    },
    async run({ config, print, language }, [folder], values) {
      const { surroundings, sources } = readOptions(config, values)
      const { writeProvisioning } = await import('../dashboards/grafana/provisioning.ts')
      const files = writeProvisioning(surroundings, sources, textOption(values, 'at') ?? '/etc/grafana/provisioning')
      for (const [path, content] of files) {
        const file = join(folder!, path)
        mkdirSync(dirname(file), { recursive: true })
        // The data sources hold a token.
        writeFileSync(file, content, { mode: path.startsWith('datasources/') ? 0o640 : 0o644 })
      }
      const text = {
        fr: `${files.size} fichiers écrits dans ${folder}`,
        en: `${files.size} files written to ${folder}`,
      }
      print({ folder, files: [...files.keys()] }, text[language])
    },
  },

  'grafana push': {
    usage: 'grafana push --url u --token t --api-token t [--api-url u] [--influx-url u]',
    summary: {
      fr: 'Met à jour tableaux, sources et alertes d’un Grafana en marche',
      en: 'Brings dashboards, data sources and alert rules to a running Grafana',
    },
    words: 0,
    options: { url: { type: 'string' }, token: { type: 'string' }, ...sourceOptions },
    optionTexts: {
      url: { fr: 'adresse de Grafana', en: 'address of Grafana' },
      token: {
        fr: 'jeton d’un compte de service Grafana de rôle Admin',
        en: 'token of a service account of Grafana with the role Admin',
      },
      ...sourceTexts,
    },
    async run({ config, print, language }, _, values) {
      const grafana = { url: readUrl(neededOption(values, 'url'), 'url'), token: neededOption(values, 'token') }
      const { surroundings, sources } = readOptions(config, values)
      const { pushToGrafana } = await import('../dashboards/grafana/push.ts')
      const report = await pushToGrafana(grafana, surroundings, sources)
      const { dashboards, alerts } = report
      const text = {
        fr: `${dashboards.length} tableaux et ${alerts.length} alertes en place :`,
        en: `${dashboards.length} dashboards and ${alerts.length} alert rules in place:`,
      }
      print(report, [text[language], ...dashboards.map(({ url }) => `${grafana.url}${url}`)].join('\n'))
    },
  },
}

function readOptions(config: Config, values: OptionValues) {
  const kind = config.PARVIS_STORE
  if (kind !== 'influxdb1' && kind !== 'influxdb2')
    throw new UsageError({
      fr: `PARVIS_STORE=${kind} : Grafana a besoin de influxdb1 ou influxdb2`,
      en: `PARVIS_STORE=${kind}: Grafana needs influxdb1 or influxdb2`,
    })
  const dialect = kind === 'influxdb1' ? ('influxql' as const) : ('flux' as const)
  const local = `http://127.0.0.1:${config.PARVIS_HTTP_PORT}`
  const publicUrl = readUrl(config.PARVIS_PUBLIC_URL ?? local, 'PARVIS_PUBLIC_URL')
  const apiUrl = readUrl(textOption(values, 'api-url') ?? publicUrl, '--api-url')
  const influx = {
    url: readUrl(textOption(values, 'influx-url') ?? config.PARVIS_INFLUX_URL ?? '', '--influx-url'),
    database: kind === 'influxdb1' ? config.PARVIS_INFLUX_DATABASE : config.PARVIS_INFLUX_BUCKET,
    username: config.PARVIS_INFLUX_USERNAME ?? '',
    password: config.PARVIS_INFLUX_PASSWORD ?? '',
    org: config.PARVIS_INFLUX_ORG ?? '',
    token: config.PARVIS_INFLUX_TOKEN ?? '',
  }
  const sources = { dialect, apiUrl, apiToken: neededOption(values, 'api-token'), influx }
  return { surroundings: { dialect, apiUrl, publicUrl }, sources }
}

function readUrl(text: string, name: string): string {
  if (!/^https?:$/.test(URL.parse(text)?.protocol ?? '')) throw new UsageError(`${name} ${text}: http://127.0.0.1:3000`)
  return text.replace(/\/+$/, '')
}
