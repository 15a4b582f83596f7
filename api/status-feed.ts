import { setTimeout } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { FastifyBaseLogger } from 'fastify'
import type { Config } from '../config.ts'
import type { Label } from '../domain/quantity.ts'
import type { StatusBoard } from '../inventory/status-board.ts'
import type { StatusTable } from '../store/registry-tables.ts'

/** What keeps the status of assets up to date. */
export type StatusFeed = {
  /** Why it is behind, while it is. */
  readonly failure: Label | undefined
  /** Folds soon: something was changed. */
  wake(): void
  close(): Promise<void>
}

type Message =
  | { rows: StatusTable[] }
  | { removed: string[] }
  | { revision: number }
  | { loaded: true }
  | { failure: string | null }

const restartMs = 1000

/** Starts the thread that folds, which fills the board; resolves when it has told all that was known. */
export async function startStatusFeed(
  config: Config,
  board: StatusBoard,
  logger: FastifyBaseLogger,
): Promise<StatusFeed> {
  let failure: Label | undefined
  let isClosing = false
  let worker: Worker

  function setFailure(text: string | null) {
    // The log says it once, health says it as long as it lasts.
    if (text !== null && failure === undefined) logger.error(`the status of assets could not be folded: ${text}`)
    failure =
      text === null
        ? undefined
        : {
            fr: `l’état des équipements n’est plus tenu à jour : ${text}`,
            en: `the status of assets is not kept up to date: ${text}`,
          }
  }

  function start(): Promise<void> {
    return new Promise((resolve, reject) => {
      worker = new Worker(new URL('./status-thread.ts', import.meta.url), { name: 'status', workerData: { config } })
      worker.on('message', (message: Message) => {
        if ('rows' in message) board.put(message.rows)
        else if ('removed' in message) board.remove(message.removed)
        else if ('revision' in message) board.reach(message.revision)
        else if ('failure' in message) setFailure(message.failure)
        else {
          // Put in order before anybody asks.
          board.byLabel()
          resolve()
        }
      })
      worker.on('error', (error: Error) => {
        setFailure(error.message)
        reject(error)
      })
      worker.on('exit', async () => {
        if (isClosing || failure === undefined) return
        await setTimeout(restartMs)
        if (!isClosing) await start().catch(() => {})
      })
    })
  }

  await start()
  return {
    get failure() {
      return failure
    },
    wake: () => worker.postMessage({}),
    async close() {
      isClosing = true
      const ended = new Promise((resolve) => worker.once('exit', resolve))
      worker.postMessage({ close: true })
      await ended
    },
  }
}
