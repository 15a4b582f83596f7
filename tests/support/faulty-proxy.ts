import * as http from 'node:http'
import type { AddressInfo } from 'node:net'

/** How a server behind the proxy seems to be: as it is, answering 500, or answering late. */
export type ProxyMode = 'pass' | 'fail' | 'slow'

const slowMs = 800

/** Stands between a client and an HTTP server, and makes that one look ill. */
export async function startFaultyProxy(target: { port: number }) {
  let mode: ProxyMode = 'pass'
  const server = http.createServer((incoming, outgoing) => {
    if (mode === 'fail') {
      incoming.resume()
      outgoing.writeHead(500, { 'content-type': 'application/json' }).end('{"error":"engine is closed"}')
      return
    }
    const { method, url, headers } = incoming
    const passed = http.request({ host: '127.0.0.1', port: target.port, method, path: url, headers }, (answer) => {
      const pass = () => answer.pipe(outgoing.writeHead(answer.statusCode ?? 502, answer.headers))
      if (mode === 'slow') setTimeout(pass, slowMs)
      else pass()
    })
    passed.on('error', () => outgoing.destroy())
    incoming.pipe(passed)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    set(wanted: ProxyMode) {
      mode = wanted
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
