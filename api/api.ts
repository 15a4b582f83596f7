import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import cookie from '@fastify/cookie'
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Config } from '../config.ts'
import { openScriptPool } from '../devices/scripts/pool.ts'
import { Problem } from '../domain/problem.ts'
import { verifyPush } from '../inventory/integrations.ts'
import { openSignIn } from '../inventory/sign-in.ts'
import { openStatusBoard, type StatusBoard } from '../inventory/status-board.ts'
import type { IngestReader } from '../store/ingest-reader.ts'
import type { Registry } from '../store/registry.ts'
import { findCallersIn, installAccess, installCaller } from './access.ts'
import { limitAttempts, limitSignIns } from './attempts.ts'
import type { Api, Context, Routes } from './context.ts'
import { answerError, installErrors, rawProblem, validatorCompiler } from './errors.ts'
import { installHealth } from './health.ts'
import { openImportJobs } from './import-jobs.ts'
import { limits } from './limits.ts'
import { type LiveFeed, openLiveFeed } from './live.ts'
import { installOpenapi } from './openapi.ts'
import { installPages, installSecurityHeaders } from './pages.ts'
import { accountRoutes } from './routes/accounts.ts'
import { assetKindRoutes } from './routes/asset-kinds.ts'
import { assetRoutes } from './routes/assets.ts'
import { bridgeRoutes } from './routes/bridges.ts'
import { commandRoutes } from './routes/commands.ts'
import { consumptionRoutes } from './routes/consumption.ts'
import { deadLetterRoutes } from './routes/dead-letters.ts'
import { deviceRoutes } from './routes/devices.ts'
import { documentRoutes } from './routes/documents.ts'
import { exportRoutes } from './routes/exports.ts'
import { figureRoutes } from './routes/figures.ts'
import { fleetRoutes } from './routes/fleet.ts'
import { importRoutes } from './routes/imports.ts'
import { installationRoutes } from './routes/installations.ts'
import { integrationRoutes } from './routes/integrations.ts'
import { modelRoutes } from './routes/models.ts'
import { ownAccountRoutes } from './routes/own-account.ts'
import { quantityRoutes } from './routes/quantities.ts'
import { readingRoutes } from './routes/readings.ts'
import { replayRoutes } from './routes/replays.ts'
import { serviceRoutes } from './routes/services.ts'
import { sessionRoutes } from './routes/session.ts'
import { settingsRoutes } from './routes/settings.ts'
import { statusRoutes } from './routes/status.ts'
import { statusStreamRoutes } from './routes/status-stream.ts'
import { streamRoutes } from './routes/stream.ts'
import { systemRoutes } from './routes/system.ts'
import { todayRoutes } from './routes/today.ts'
import { tokenRoutes } from './routes/tokens.ts'
import { uplinkRoutes } from './routes/uplinks.ts'
import type { UplinkClient } from './uplink-client.ts'

/** The routes under `/api/v1`: a noun is a file and a line here. */
const routes: readonly Routes[] = [
  deviceRoutes,
  commandRoutes,
  assetRoutes,
  documentRoutes,
  assetKindRoutes,
  readingRoutes,
  consumptionRoutes,
  installationRoutes,
  statusRoutes,
  todayRoutes,
  fleetRoutes,
  statusStreamRoutes,
  deadLetterRoutes,
  replayRoutes,
  streamRoutes,
  importRoutes,
  exportRoutes,
  figureRoutes,
  modelRoutes,
  quantityRoutes,
  sessionRoutes,
  ownAccountRoutes,
  accountRoutes,
  settingsRoutes,
  serviceRoutes,
  systemRoutes,
  tokenRoutes,
  integrationRoutes,
  bridgeRoutes,
  uplinkRoutes,
]

export type ApiOptions = {
  config: Config
  registry: Registry
  reader: IngestReader
  /** Folder of the built pages. */
  webDir: string
  logger: FastifyBaseLogger
  /** The live readings; those of the data folder when left out. */
  live?: LiveFeed
  /** How assets are, kept up to date by the caller. */
  board?: StatusBoard
  /** Called after each request that may have changed something. */
  onChange?: () => void
  /** The way to the broker; without one, what is pushed is refused. */
  uplinks?: UplinkClient
  /** The API's own numbers for the metrics, counted up in place. */
  counters?: Record<string, number>
}

/**
 * The HTTP side of Parvis, not yet listening: API, its documentation, health, metrics and pages. Closing it closes
 * neither the registry nor the reader.
 */
export async function buildApi({ config, registry, reader, webDir, logger, ...options }: ApiOptions) {
  const context: Context = {
    config,
    findCaller: findCallersIn(registry),
    signIn: openSignIn(registry),
    verifyPush: (name, proof) => verifyPush(registry, name, proof),
    scripts: openScriptPool({ log: (level, text) => logger[level](text) }),
    uplinks: options.uplinks ?? noBroker,
    reader,
    board: options.board ?? openStatusBoard(),
    imports: openImportJobs(config),
    onChange: options.onChange ?? (() => {}),
    live: options.live ?? openLiveFeed(config.PARVIS_DATA_DIR),
    attempts: limitAttempts(),
    signInAttempts: limitSignIns(),
    counters: options.counters ?? {},
  }
  const app = createServer(config, logger)
  const methods = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    const known = methods.get(url) ?? new Set()
    for (const each of [method].flat()) known.add(each)
    methods.set(url, known)
  })

  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  installCaller(app)
  installErrors(app, config)
  installSecurityHeaders(app, config)
  countRequests(app, context)
  if (options.onChange !== undefined) tellChanges(app, options.onChange)
  await app.register(cookie)
  await installOpenapi(app, readVersion())
  installHealth(app, context)
  await app.register(
    async (scope) => {
      installAccess(scope, context)
      for (const add of routes) add(scope as unknown as Api, context)
    },
    { prefix: '/api/v1' },
  )
  await installPages(app, webDir)
  refuseOtherMethods(app, methods)
  app.addHook('onClose', async () => context.scripts.close())
  app.addHook('preClose', async () => context.live.close())
  return app
}

const noBroker: UplinkClient = {
  publish: () => Promise.reject(new Problem('not_ready', { fr: 'il n’y a pas de broker', en: 'there is no broker' })),
  command: () => Promise.reject(new Problem('not_ready', { fr: 'il n’y a pas de broker', en: 'there is no broker' })),
  close: async () => {},
}

function createServer(config: Config, logger: FastifyBaseLogger) {
  const { PARVIS_TLS_CERT: cert, PARVIS_TLS_KEY: key } = config
  const serverOptions = {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    connectionsCheckingInterval: 5000,
  }
  const app = fastify({
    ...(cert === undefined || key === undefined
      ? { http: serverOptions }
      : { https: { ...serverOptions, cert: readFileSync(cert), key: readFileSync(key) } as never }),
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    requestTimeout: limits.requestTimeoutMs,
    connectionTimeout: limits.connectionTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    bodyLimit: limits.maxJsonBytes,
    routerOptions: { maxParamLength: limits.maxParamLength },
    // One proxy, the one that connects: what the address list says before it could be anyone's invention.
    trustProxy: config.PARVIS_TRUST_PROXY ? (_address: string, hop: number) => hop === 0 : false,
    frameworkErrors: (error, request, reply) => {
      answerError(error, request as never, reply as never, config)
    },
    clientErrorHandler: (error, socket) => {
      if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
      else socket.end(rawProblem(error.code, config))
    },
  }).withTypeProvider<ZodTypeProvider>()
  app.server.maxHeadersCount = limits.maxHeaders
  app.server.maxConnections = limits.maxConnections
  return app as unknown as Api
}

function countRequests(app: FastifyInstance, context: Context): void {
  const { counters } = context
  Object.assign(counters, { requests_total: 0, request_errors_total: 0, failures_total: 0, streams: 0 })
  app.addHook('onResponse', async (request, reply) => {
    counters.requests_total!++
    if (reply.statusCode >= 500) counters.failures_total!++
    else if (reply.statusCode >= 400) counters.request_errors_total!++
    const { method, url } = request
    request.log.debug({ method, url, status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'request')
  })
}

function tellChanges(app: FastifyInstance, onChange: () => void): void {
  app.addHook('onResponse', async (request, reply) => {
    if (request.method !== 'GET' && request.method !== 'HEAD' && reply.statusCode < 300) onChange()
  })
}

// An address that exists answers 405 to the methods that it does not have, and names those that it has (RFC 9110
// section 15.5.6).
function refuseOtherMethods(app: FastifyInstance, methods: ReadonlyMap<string, ReadonlySet<string>>): void {
  for (const [url, known] of [...methods]) {
    // Pages and documentation are files: what they do not have is not found.
    if (!/^\/(api\/v1\/|api\/openapi|health|metrics)/.test(url)) continue
    const allow = [...known].sort().join(', ')
    app.route({
      url,
      method: app.supportedMethods.filter((method) => !known.has(method)),
      schema: { hide: true },
      onRequest: async (_request, reply) => {
        reply.header('allow', allow)
        throw new Problem('method_not_allowed')
      },
      handler: async () => {},
    })
  }
}

function readVersion(): string {
  const file = join(import.meta.dirname, '..', 'package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
