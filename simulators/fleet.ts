import { models } from '../devices/catalogue.ts'
import { encodeParvisJson } from '../devices/parvis-json.ts'
import type { DecodedReading } from '../domain/fault.ts'
import { dayMs } from './calendar.ts'
import type { DeviceClient } from './clients.ts'
import { type LampOrder, readLampOrder } from './lamp.ts'
import type { PlannedDevice } from './plan.ts'
import { datedReadings, type Emission, emissionsBetween, payloadAt, readingsAt } from './readings.ts'

/** A device of the city with its connection. */
export type Speaker = { device: PlannedDevice; client: DeviceClient }

/** What was sent and acknowledged. */
export type Sent = { messages: number; readings: number }

/** A message of kept readings, with their times. */
export type KeptMessage = { payload: Uint8Array; readings: DecodedReading[] }

/** Readings in one message of kept ones: some hundred kilobytes of JSON, far under any broker's limit. */
const readingsPerMessage = 5000

/** Messages of one device, and of all, that may wait for their acknowledgement. */
const inFlightPerDevice = 4
const inFlightTotal = 256

/** A message this old is no longer live: it carries its time. */
const freshMs = 2000

/** What a device observed in [from, to) and has sent by `now`, in messages of dated readings. */
export function* historyMessages(device: PlannedDevice, from: number, to: number, now: number): Generator<KeptMessage> {
  const due = emissionsBetween(device, from, to).filter((emission) => emission.sentAt <= now)
  yield* datedMessages(device, due)
}

/** Emissions as messages in the project's own JSON: an array of dated readings, cut before it gets too long. */
function* datedMessages(device: PlannedDevice, emissions: readonly Emission[]): Generator<KeptMessage> {
  let readings: DecodedReading[] = []
  for (const emission of emissions) {
    const dated = datedReadings(device, [emission])
    for (let copy = 0; copy < emission.copies; copy++) readings.push(...dated)
    if (readings.length < readingsPerMessage) continue
    yield { payload: encodeParvisJson(readings), readings }
    readings = []
  }
  if (readings.length > 0) yield { payload: encodeParvisJson(readings), readings }
}

/**
 * Lets the devices speak as time goes on. Each call of `speakUntil` sends what became due since the last one: a fresh
 * message in its model's bytes, what is late, kept, doubled or misdated in the project's own JSON with its time. A
 * device that is not connected keeps nothing but the time that it spoke last: what it missed is worked out when it can
 * speak again. `keptFrom` is from when on it may hold messages of before `from` that had no network yet.
 */
export function startSpeaking(
  speakers: readonly Speaker[],
  from: number,
  talkativeness: number,
  sent: Sent,
  keptFrom = from,
) {
  let inFlight = 0
  let last: { deviceId: string; reading: DecodedReading } | undefined
  const states = speakers.map(({ device, client }) => ({
    device,
    client,
    spokeUntil: from,
    waiting: emissionsBetween(device, keptFrom, from).filter(({ sentAt }) => sentAt > from),
    order: undefined as LampOrder | undefined,
  }))
  for (const state of states)
    if (models.get(state.device.model)?.downlink !== undefined) state.client.listen((payload) => obey(state, payload))
  type State = (typeof states)[number]

  function publish({ device, client }: State, { payload, readings }: KeptMessage): void {
    inFlight++
    client
      .publish(payload)
      .then(
        () => {
          sent.messages++
          sent.readings += readings.length
          const reading = readings.at(-1)
          if (reading?.observedAt !== undefined && reading.observedAt <= Date.now())
            last = { deviceId: device.id, reading }
        },
        // Only a client that is closed for good fails.
        () => {},
      )
      .finally(() => inFlight--)
  }

  // A lamp that was told something does it, and says so at once.
  function obey(state: State, payload: Uint8Array): void {
    const { device } = state
    const order = readLampOrder(device.model, payload)
    if (order === null) return
    state.order = order
    publish(state, freshMessage(state, Date.now()))
  }

  function freshMessage({ device, order }: State, time: number): KeptMessage {
    return { payload: payloadAt(device, time, order), readings: readingsAt(device, time, order) }
  }

  function speak(state: State, time: number): void {
    const { device, client } = state
    if (!client.connected || client.inFlight >= inFlightPerDevice || inFlight >= inFlightTotal) return
    // After a long time, a part of it at once: so that no device holds up the others.
    const until = Math.min(time, state.spokeUntil + dayMs)
    const emissions = [...state.waiting, ...emissionsBetween(device, state.spokeUntil, until, talkativeness)]
    const due = emissions.filter((emission) => emission.sentAt <= until)
    state.waiting = emissions.filter((emission) => emission.sentAt > until)
    state.spokeUntil = until
    const [only] = due
    if (only?.plain && due.length === 1 && Date.now() - only.time < freshMs)
      publish(state, freshMessage(state, only.time))
    else for (const message of datedMessages(device, due)) publish(state, message)
  }

  return {
    /** Sends what is due until `time`; answers the time up to which every device has spoken that still can. */
    speakUntil(time: number): number {
      for (const state of states) speak(state, time)
      return states.reduce((until, state) => (state.client.gone ? until : Math.min(until, state.spokeUntil)), time)
    },
    /** Sends what waits for a network that comes back only after the end. */
    sayLeft(): void {
      for (const state of states) {
        for (const message of datedMessages(state.device, state.waiting)) publish(state, message)
        state.waiting = []
      }
    },
    /** Messages that are not yet acknowledged. */
    get inFlight() {
      return inFlight
    },
    /** The dated reading that was acknowledged last. */
    get last() {
      return last
    },
  }
}
