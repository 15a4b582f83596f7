import { z } from 'zod'
import { Problem } from '../../domain/problem.ts'
import { buildRuleGroup, folder } from './alerts.ts'
import { dashboards } from './catalogue.ts'
import { buildDashboard } from './dashboard.ts'
import { buildDataSources, type SourceOptions } from './data-sources.ts'
import type { Surroundings } from './panel.ts'
import { sourceRefs } from './query.ts'

/*
 * Grafana's HTTP API, as its documentation tells it: developers/http_api, the pages plugin, folder, data_source, dashboard
 * and alerting_provisioning.
 */

const timeoutMs = 30_000

const folderAnswer = z.object({ uid: z.string(), title: z.string() })
const sourceAnswer = z.object({ datasource: z.object({ uid: z.string() }) })
const dashboardAnswer = z.object({ uid: z.string(), url: z.string(), status: z.literal('success') })
const groupAnswer = z.object({ title: z.string(), rules: z.array(z.object({ uid: z.string() })) })
const refusal = z.object({ message: z.string() })

const dashboardRequest = z.strictObject({
  dashboard: z.looseObject({ uid: z.string().max(40), title: z.string().min(1), schemaVersion: z.number().int() }),
  folderUid: z.string().max(40),
  overwrite: z.literal(true),
  message: z.string(),
})

/** Where Grafana is, and a token of a service account with the role Admin. */
export type Grafana = { url: string; token: string }

/** What a push did. */
export type PushReport = {
  folder: string
  dataSources: string[]
  dashboards: { uid: string; url: string }[]
  alerts: string[]
}

/**
 * Brings folder, data sources, dashboards and alert rules to Grafana; what is there already is overwritten, so that a
 * second push changes nothing. Throws Problem `grafana_refused` with what to do.
 */
export async function pushToGrafana(
  grafana: Grafana,
  surroundings: Surroundings,
  sources: SourceOptions,
): Promise<PushReport> {
  const call = connect(grafana)
  await requireInfinity(call)
  await putFolder(call)
  const report: PushReport = { folder: folder.uid, dataSources: [], dashboards: [], alerts: [] }
  for (const source of buildDataSources(sources)) {
    const found = await call('GET', `/api/datasources/uid/${source.uid}`)
    const [method, path] =
      found.status === 404 ? ['POST', '/api/datasources'] : ['PUT', `/api/datasources/uid/${source.uid}`]
    report.dataSources.push(read(await call(method!, path!, source), sourceAnswer).datasource.uid)
  }
  for (const each of dashboards) {
    const request = {
      dashboard: buildDashboard(each, surroundings),
      folderUid: folder.uid,
      overwrite: true,
      message: 'parvis grafana push',
    }
    const { uid, url } = read(
      await call('POST', '/api/dashboards/db', dashboardRequest.parse(request)),
      dashboardAnswer,
    )
    report.dashboards.push({ uid, url })
  }
  const group = buildRuleGroup(surroundings)
  const path = `/api/v1/provisioning/folder/${folder.uid}/rule-groups/${encodeURIComponent(group.title!)}`
  report.alerts = read(await call('PUT', path, group), groupAnswer).rules.map(({ uid }) => uid)
  return report
}

type Answer = { status: number; body: unknown; request: string }
type Call = (method: string, path: string, body?: unknown) => Promise<Answer>

function connect({ url, token }: Grafana): Call {
  const base = url.replace(/\/+$/, '')
  return async (method, path, body) => {
    const request = `${method} ${base}${path}`
    const headers = {
      authorization: `Bearer ${token}`,
      accept: 'application/json',
      // Otherwise nobody could change the rules in Grafana's own pages.
      'x-disable-provenance': 'true',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    }
    try {
      const response = await fetch(`${base}${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
      })
      return { status: response.status, body: parseJson(await response.text()), request }
    } catch (error) {
      const { cause, message } = error as Error
      throw refuse(
        `Grafana ne répond pas à ${base}`,
        `Grafana does not answer at ${base}`,
        cause instanceof Error ? cause.message : message,
      )
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

async function requireInfinity(call: Call): Promise<void> {
  const answer = await call('GET', `/api/plugins/${sourceRefs.api.type}/settings`)
  if (answer.status === 404 && refusal.safeParse(answer.body).success)
    throw refuse(
      `il manque le module Infinity : « grafana cli plugins install ${sourceRefs.api.type} », puis redémarrez Grafana`,
      `the Infinity plugin is missing: "grafana cli plugins install ${sourceRefs.api.type}", then restart Grafana`,
    )
  read(answer, z.looseObject({ id: z.literal(sourceRefs.api.type) }))
}

async function putFolder(call: Call): Promise<void> {
  const found = await call('GET', `/api/folders/${folder.uid}`)
  if (found.status === 404) read(await call('POST', '/api/folders', folder), folderAnswer)
  else read(found, folderAnswer)
}

/** The body of an answer, or a refusal that says what to do. */
function read<Body>(answer: Answer, schema: z.ZodType<Body>): Body {
  const { status, body, request } = answer
  const told = refusal.safeParse(body).data?.message ?? ''
  const known = refusals[status]
  if (known !== undefined) throw refuse(known.fr, known.en, `${request}: ${status} ${told}`)
  if (status >= 300) throw refuse(`Grafana a répondu ${status}`, `Grafana answered ${status}`, `${request}: ${told}`)
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  throw refuse(
    'ce n’est pas la réponse de Grafana',
    'this is not the answer of Grafana',
    `${request}: ${z.prettifyError(parsed.error)}`,
  )
}

const refusals: Readonly<Record<number, { fr: string; en: string }>> = {
  401: { fr: 'le jeton n’est pas le bon, ou a expiré', en: 'the token is wrong or has expired' },
  403: {
    fr: 'le compte de service du jeton doit avoir le rôle Admin',
    en: 'the service account of the token must have the role Admin',
  },
  404: {
    fr: 'il n’y a pas de Grafana à cette adresse, ou il est trop ancien',
    en: 'there is no Grafana at this address, or it is too old',
  },
  412: {
    fr: 'un tableau de même nom est tenu par ailleurs (fichiers ou module) : retirez-le, ou renoncez à « push »',
    en: 'a dashboard of the same name is kept otherwise (by files or a plugin): remove it, or do without "push"',
  },
}

function refuse(fr: string, en: string, more = ''): Problem {
  const end = more === '' ? '' : ` (${more})`
  return new Problem('grafana_refused', { fr: `${fr}${end}`, en: `${en}${end}` })
}
