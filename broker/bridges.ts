import type { DeliveryReport } from '../domain/uplink.ts'
import { type BridgeSettings, readBridgeSettings } from '../inventory/bridges.ts'
import { type BridgeState, openBridgeStates } from '../store/bridge-states.ts'
import { journalFolder } from '../store/journal.ts'
import { openJournalReader } from '../store/journal-reader.ts'
import { type Registry, readRevision } from '../store/registry.ts'
import type { Append } from './acknowledge.ts'
import { checksumOf, type Journaled, type RunningBridge, startBridge } from './bridge.ts'
import { bridgeLimits as limits } from './bridge-limits.ts'

export type BridgesOptions = {
  dataDir: string
  registry: Registry
  append: Append
  /** The last `seq` of the journal at the start. */
  lastSeq: number
  maxPacketBytes: number
  /** A bridge of an integration has connected. */
  onConnected?(integration: string): void
  log(level: 'info' | 'warn' | 'error', text: string): void
}

/**
 * Runs the bridges of the registry: those that are added, changed or removed there while it runs too, within a second.
 * How they are is told in a file of the data folder.
 */
export async function startBridges(options: BridgesOptions) {
  const { registry, log } = options
  const running = new Map<string, { key: string; settings: BridgeSettings; bridge: RunningBridge }>()
  const journaled = new Map<string, Journaled>()
  const states = openBridgeStates(options.dataDir)
  let revision = -1
  let isAsking = false
  let trouble = ''
  let isClosed = false

  async function follow() {
    if (isAsking || isClosed) return
    isAsking = true
    try {
      const now = await readRevision(registry)
      if (now === revision) return
      await adopt(await readBridgeSettings(registry))
      revision = now
      trouble = ''
    } catch (error) {
      const { message } = error as Error
      if (message !== trouble) log('error', `bridges: they cannot be read, and are tried again: ${message}`)
      trouble = message
    } finally {
      isAsking = false
    }
  }

  async function adopt(wanted: readonly BridgeSettings[]) {
    if (isClosed) return
    const names = new Map(wanted.map((settings) => [settings.name, settings]))
    for (const [name, { key, settings, bridge }] of running) {
      const next = names.get(name)
      if (next !== undefined && JSON.stringify(next) === key) continue
      running.delete(name)
      if (next === undefined) log('info', `bridge ${name}: removed`)
      await bridge.stop(settings.topics.filter((topic) => next?.topics.includes(topic) !== true))
    }
    if (wanted.length > 0 && journaled.size === 0) recall(wanted)
    for (const settings of wanted) {
      if (running.has(settings.name)) continue
      const bridge = startBridge(settings, {
        ...options,
        journaled: journaledOf(settings.name),
        onConnected: () => options.onConnected?.(settings.integration),
      })
      running.set(settings.name, { key: JSON.stringify(settings), settings, bridge })
    }
  }

  function journaledOf(name: string): Journaled {
    let known = journaled.get(name)
    if (known === undefined) {
      known = new Map()
      journaled.set(name, known)
    }
    return known
  }

  // After a kill the other broker sends again what it did not hear acknowledged, though the journal may have it.
  function recall(wanted: readonly BridgeSettings[]) {
    for (const { name } of wanted) journaledOf(name)
    const afterSeq = Math.max(0, options.lastSeq - limits.recalledUplinks)
    const reader = openJournalReader(journalFolder(options.dataDir), { afterSeq })
    try {
      for (let batch = reader.read(2000); batch.length > 0; batch = reader.read(2000)) {
        for (const { clientId, topic, payload } of batch) {
          const [, kind, name, messageId] = clientId.split('/', 4)
          if (kind === 'bridge' && messageId !== undefined)
            journaled.get(name!)?.set(Number(messageId), checksumOf(topic, payload))
        }
        if (reader.position >= options.lastSeq) break
      }
    } finally {
      reader.close()
    }
  }

  await follow()
  const timer = setInterval(() => {
    void follow()
    void states.tell(tellStates())
  }, limits.registryPollMs)
  timer.unref()

  function tellStates(): BridgeState[] {
    return [...running.values()].map(({ bridge }) => bridge.state)
  }

  return {
    get states() {
      return tellStates()
    },
    /** Sends a command through a bridge of an integration; false where none is connected. */
    send(integration: string, topic: string, payload: Buffer, report: (what: DeliveryReport) => void): boolean {
      for (const { settings, bridge } of running.values()) {
        if (settings.integration !== integration) continue
        const qos = bridge.send(topic, payload, () => report('acknowledged'))
        if (qos === null) continue
        report(qos === 0 ? 'sent0' : 'sent')
        return true
      }
      return false
    },
    /** Acknowledges what was read and disconnects; to be called while the journal still takes uplinks. */
    async close() {
      isClosed = true
      clearInterval(timer)
      await Promise.all([...running.values()].map(({ bridge }) => bridge.stop()))
    },
  }
}
