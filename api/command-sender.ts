import { type DeliveryReport, listeningTree, reportTree } from '../domain/uplink.ts'
import {
  endCommand,
  expireCommands,
  markSent,
  noteAnswer,
  readAnsweredSeq,
  readOpenCommands,
} from '../inventory/command-states.ts'
import { findWay } from '../inventory/command-way.ts'
import type { DeviceCommand } from '../inventory/commands.ts'
import type { IngestReader } from '../store/ingest-reader.ts'
import type { Registry } from '../store/registry.ts'
import { type BrokerAddress, openUplinkClient, type UplinkClient } from './uplink-client.ts'

const stepMs = 1000
const answersPerStep = 500

/** Most commands that are handed to the broker at once. */
const handedAtOnce = 50

/** What was handed to the broker, and what is known of its way. */
type Handed = { name: string; integration: string | null; tells: boolean; isSent: boolean }

export type CommandSenderOptions = {
  registry: Registry
  reader: Pick<IngestReader, 'routeOf' | 'answersSince'>
  broker: BrokerAddress
  log(level: 'warn' | 'error', text: string): void
}

/**
 * Sends the commands of the registry, and writes down what becomes of them. What nobody listens to waits there; when the
 * broker says that its device or network begins to listen, it is handed over again. So is what a device has not
 * acknowledged when it comes back: a command may reach it twice.
 */
export function startCommandSender({ registry, reader, broker, log }: CommandSenderOptions) {
  /** By command: what waits for the broker's report or the device's PUBACK, and what nobody listened to. */
  const handed = new Map<string, Handed>()
  const unheard = new Map<string, string>()
  // What came to its end since the open ones were last read: that list still has it.
  const settled = new Set<string>()
  let answeredSeq: number | null = null
  let isClosed = false
  let isConnected = false
  let isBusy = false
  let isWanted = false
  let trouble = ''
  // What the broker tells is taken into account one after the other.
  let reports: Promise<void> = Promise.resolve()

  const client: UplinkClient = openUplinkClient(broker, {
    filters: [`${reportTree}+`, `${listeningTree}+`],
    onConnect() {
      isConnected = true
      handed.clear()
      unheard.clear()
      wake()
    },
    onClose() {
      isConnected = false
    },
    onMessage(topic, payload) {
      reports = reports
        .then(async () => {
          if (topic.startsWith(listeningTree)) begin(topic.slice(listeningTree.length))
          else await take(topic.slice(reportTree.length), payload.toString() as DeliveryReport)
        })
        .catch(tellTrouble)
    },
  })

  // A device that begins to listen has not got what was on its way before; a network has. What is not reported yet the
  // broker has judged after that.
  function begin(name: string) {
    for (const [id, each] of unheard) if (each === name) unheard.delete(id)
    for (const [id, each] of handed)
      if (each.name === name && each.integration === null && each.isSent) handed.delete(id)
    wake()
  }

  async function take(id: string, report: DeliveryReport) {
    const way = handed.get(id)
    if (way === undefined) return
    const { name, integration, tells } = way
    const isDirect = integration === null
    if (report === 'unheard') {
      handed.delete(id)
      unheard.set(id, name)
    } else if (report === 'acknowledged') {
      // That a network's own client has it says nothing of the device.
      if (!isDirect) return
      await endCommand(registry, id, { state: 'acknowledged', by: 'device' })
      settle(id)
    } else {
      const awaitsMore = isDirect ? report === 'sent' : tells
      way.isSent = true
      await markSent(registry, id, { integration, awaitsMore })
      if (!isDirect || !awaitsMore) settle(id)
    }
  }

  function settle(id: string) {
    handed.delete(id)
    settled.add(id)
  }

  async function step() {
    answeredSeq ??= await readAnsweredSeq(registry)
    for (const answer of reader.answersSince(answeredSeq, answersPerStep)) {
      await noteAnswer(registry, answer)
      answeredSeq = answer.seq
    }
    await expireCommands(registry)
    if (!isConnected) return
    settled.clear()
    const open = await readOpenCommands(registry)
    const ids = new Set(open.map(({ id }) => id))
    for (const map of [handed, unheard]) for (const id of map.keys()) if (!ids.has(id)) map.delete(id)
    // Through a network a command is sent once; to a device until it has acknowledged it.
    const due = open.filter(
      ({ id, state, integration }) =>
        !handed.has(id) && !unheard.has(id) && !settled.has(id) && (state === 'queued' || integration === null),
    )
    for (let i = 0; i < due.length && isConnected; i += handedAtOnce)
      await Promise.all(due.slice(i, i + handedAtOnce).map(handOver))
  }

  async function handOver(command: DeviceCommand) {
    const { id, deviceId } = command
    const way = await findWay(registry, reader, deviceId)
    if ('refused' in way) return endCommand(registry, id, { state: 'failed', detail: way.refused })
    const { name, topic, integration, format } = way
    const payload = format === null ? command.bytes : format.write(command)
    if (payload === null) return endCommand(registry, id, { state: 'failed', detail: noForm })
    handed.set(id, { name, integration, tells: format?.tells ?? true, isSent: false })
    try {
      await client.command(id, name, topic, Buffer.from(payload))
    } catch {
      handed.delete(id)
    }
  }

  async function run() {
    if (isBusy || isClosed) return
    isBusy = true
    try {
      do {
        isWanted = false
        await step()
      } while (isWanted && !isClosed)
      trouble = ''
    } catch (error) {
      tellTrouble(error as Error)
    } finally {
      isBusy = false
    }
  }

  function tellTrouble({ message }: Error) {
    if (message !== trouble && !isClosed) log('error', `commands: waiting, and trying again: ${message}`)
    trouble = message
  }

  function wake() {
    isWanted = true
    void run()
  }

  const timer = setInterval(run, stepMs)
  return {
    /** Something may have been asked for. */
    wake,
    async close() {
      isClosed = true
      clearInterval(timer)
      await client.close()
      await reports
      while (isBusy) await new Promise((resolve) => setTimeout(resolve, 5))
    },
  }
}

const noForm = {
  fr: 'son réseau n’a pas de forme pour cette commande',
  en: 'its network has no form for this command',
}
