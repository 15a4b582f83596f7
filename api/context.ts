import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Config } from '../config.ts'
import type { IngestReader } from '../store/ingest-reader.ts'
import type { Registry } from '../store/registry.ts'
import type { AttemptLimit } from './attempts.ts'
import type { LiveFeed } from './live.ts'

/** What the routes work with. `counters` are the API's own numbers for the metrics. */
export type Context = {
  config: Config
  registry: Registry
  reader: IngestReader
  live: LiveFeed
  attempts: AttemptLimit
  counters: Record<string, number>
}

/** The instance that routes are added to: their zod schemas type requests and answers. */
export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse<IncomingMessage>,
  FastifyBaseLogger,
  ZodTypeProvider
>

/** A file of routes gives one of these. */
export type Routes = (api: Api, context: Context) => void
