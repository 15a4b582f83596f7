import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * A fake of Grafana's HTTP API, written from its documentation (developers/http_api): the plugin's settings, folders, data
 * sources, dashboards and rule groups, in memory. It refuses what Grafana refuses, in Grafana's words.
 */
export async function startFakeGrafana(options: { token: string; plugins?: readonly string[] }) {
  const plugins = options.plugins ?? ['yesoreyeram-infinity-datasource']
  const stored = { folders: new Map(), sources: new Map(), dashboards: new Map(), groups: new Map() } as Record<
    'folders' | 'sources' | 'dashboards' | 'groups',
    Map<string, { [name: string]: unknown }>
  >
  /** Dashboards that files provide: Grafana refuses to save them. */
  const provisioned = new Set<string>()

  type Body = { [name: string]: unknown }
  const routes: [RegExp, (method: string, id: string, body: Body) => [number, unknown]][] = [
    [
      /^\/api\/plugins\/([^/]+)\/settings$/,
      (_, id) =>
        plugins.includes(id)
          ? [200, { id, enabled: true }]
          : [404, { message: 'Plugin not found, no installed plugin with that id' }],
    ],
    [
      /^\/api\/folders(?:\/([^/]+))?$/,
      (method, id, body) => {
        if (method === 'POST') {
          if (stored.folders.has(String(body.uid)))
            return [412, { message: 'the folder has been changed by someone else' }]
          stored.folders.set(String(body.uid), body)
          return [200, { id: 1, ...body }]
        }
        const found = stored.folders.get(id)
        return found === undefined ? [404, { message: 'folder not found' }] : [200, { id: 1, ...found }]
      },
    ],
    [
      /^\/api\/datasources(?:\/uid\/([^/]+))?$/,
      (method, id, body) => {
        const uid = id || String(body.uid)
        const found = stored.sources.get(uid)
        if (method === 'POST' && found !== undefined)
          return [409, { message: 'data source with the same name already exists' }]
        if (method !== 'POST' && found === undefined) return [404, { message: 'Data source not found' }]
        if (method === 'GET') return [200, found]
        stored.sources.set(uid, body)
        return [200, { id: 1, message: 'Datasource saved', datasource: { id: 1, ...body, secureJsonData: undefined } }]
      },
    ],
    [
      /^\/api\/dashboards\/(db)$/,
      (_, __, body) => {
        const dashboard = body.dashboard as Body
        const uid = String(dashboard.uid)
        if (provisioned.has(uid))
          return [412, { message: 'Cannot save provisioned dashboard', status: 'plugin-dashboard' }]
        if (!stored.folders.has(String(body.folderUid))) return [404, { message: 'folder not found' }]
        if (stored.dashboards.has(uid) && body.overwrite !== true)
          return [412, { message: 'The dashboard has been changed by someone else', status: 'version-mismatch' }]
        stored.dashboards.set(uid, dashboard)
        return [200, { id: 1, uid, url: `/d/${uid}/x`, status: 'success', version: 1, slug: 'x' }]
      },
    ],
    [
      /^\/api\/v1\/provisioning\/folder\/[^/]+\/rule-groups\/([^/]+)$/,
      (_, id, body) => {
        stored.groups.set(id, body)
        return [200, body]
      },
    ],
  ]

  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = chunks.length === 0 ? {} : (JSON.parse(Buffer.concat(chunks).toString()) as Body)
    const answer = (): [number, unknown] => {
      if (request.headers.authorization !== `Bearer ${options.token}`) return [401, { message: 'Invalid API key' }]
      for (const [pattern, route] of routes) {
        const match = pattern.exec(request.url!)
        if (match !== null) return route(request.method!, decodeURIComponent(match[1] ?? ''), body)
      }
      return [404, { message: 'Not found' }]
    }
    const [status, document] = answer()
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(document))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stored,
    provisioned,
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}
