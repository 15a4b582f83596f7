import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Config } from '../config.ts'
import type { ScriptPool } from '../devices/scripts/pool.ts'
import type { PushProof } from '../inventory/integrations.ts'
import type { SignIn } from '../inventory/sign-in.ts'
import type { StatusBoard } from '../inventory/status-board.ts'
import type { IngestReader } from '../store/ingest-reader.ts'
import type { FindCaller } from './access.ts'
import type { AttemptLimit, SignInLimit } from './attempts.ts'
import type { ImportJobs } from './import-jobs.ts'
import type { LiveFeed } from './live.ts'
import type { UplinkClient } from './uplink-client.ts'

/**
 * What the routes work with, the registry apart: that is opened to each request by `request.access`. `findCaller` tells
 * whose token or session this is, or null; `signIn` opens sessions; `verifyPush` whether a pushed message is an integration's; `uplinks` hands such messages
 * to the broker; `counters` are the API's own numbers for the metrics.
 */
export type Context = {
  config: Config
  findCaller: FindCaller
  signIn: SignIn
  verifyPush(name: string, proof: PushProof): Promise<boolean>
  uplinks: UplinkClient
  /** Where codecs run that are tried. */
  scripts: ScriptPool
  reader: IngestReader
  live: LiveFeed
  board: StatusBoard
  imports: ImportJobs
  /** To be called when something has changed after its request was answered. */
  onChange(): void
  attempts: AttemptLimit
  signInAttempts: SignInLimit
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
