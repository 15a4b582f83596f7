import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../config.ts'

/**
 * Everything comes from this address, and no script stands inside a page; data: is for images that styles carry. A map
 * style that is set adds its own origin, for what a map fetches: style, tiles, letters and signs.
 */
function writeContentPolicy({ PARVIS_MAP_STYLE: mapStyle }: Config): string {
  const ofMap = mapStyle === undefined ? '' : ` ${new URL(mapStyle).origin}`
  return [
    "default-src 'self'",
    `connect-src 'self'${ofMap}`,
    `img-src 'self' data:${ofMap}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ')
}

const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), payment=(), usb=(), geolocation=(self)',
}

// Half a year; only this host, since others of the same domain are not Parvis's to speak for.
const strictTransportSecurity = 'max-age=15552000'

const hashedFileMaxAgeS = 31_536_000

/** Puts the security headers on every answer of an instance; what is not a file is never kept by a cache. */
export function installSecurityHeaders(app: FastifyInstance, config: Config): void {
  const isHttps = config.PARVIS_PUBLIC_URL?.startsWith('https:') === true
  const headers = {
    ...securityHeaders,
    'content-security-policy': writeContentPolicy(config),
    'cache-control': 'no-store',
    ...(isHttps ? { 'strict-transport-security': strictTransportSecurity } : {}),
  }
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(headers)
  })
}

/** Serves the built pages of `webDir` at `/`, or says how to build them. */
export async function installPages(app: FastifyInstance, webDir: string): Promise<void> {
  if (!existsSync(join(webDir, 'index.html'))) {
    app.get('/', { schema: { hide: true } }, async (_request, reply) => {
      reply.type('text/plain; charset=utf-8')
      return 'Parvis is running. Its pages are not built yet: run "npm run build", then start it again.\n'
    })
    return
  }
  await app.register(fastifyStatic, {
    root: webDir,
    dotfiles: 'ignore',
    // The build puts a brotli and a gzip beside each file.
    preCompressed: true,
    // The build names what it writes to assets/ by its content, so that such a file never changes.
    cacheControl: false,
    setHeaders(reply, path) {
      const isHashed = path.startsWith(join(webDir, 'assets/'))
      reply.header('cache-control', isHashed ? `public, max-age=${hashedFileMaxAgeS}, immutable` : 'no-cache')
    },
  })
}
