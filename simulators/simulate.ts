import { dayMs, hourMs } from './calendar.ts'
import { planCity } from './city.ts'
import { connectDevice } from './clients.ts'
import { type Sent, type Speaker, startSpeaking } from './fleet.ts'
import { layHistory, waitUntilStored } from './history.ts'
import type { City, PlannedDevice } from './plan.ts'
import { inParallel, openPlatform, type Platform, pause, registerCity } from './platform.ts'
import { addSpan, openRunFile, type Run } from './run-file.ts'

/** Connections that are opened at once. */
const connectionsAtOnce = 64

/** How often the devices are looked at: whose time has come speaks. */
const tickMs = 250

/** How often a run without an end notes how far it got. */
const noteEveryMs = 10_000

/** The longest that what was observed waits for its network. */
const longestLateMs = 6 * hourMs

/** How long the end of a run waits for acknowledgements. */
const longestFarewellMs = 5000

export type SimulateOptions = {
  /** The city: the same seed and start give the same one, and the same readings. */
  seed: number
  /** Where simulated time begins, UTC epoch ms: 2023-02-05 at the earliest. */
  startMs: number
  /** How many days of simulated time; without it, the city lives on until `signal` is aborted. */
  days?: number
  /**
   * How much faster than the models' intervals the devices speak, by the wall clock.
   *
   * - With `days`, simulated time runs that many times faster over the past, in order, and at real speed from now on.
   *   The readings are the same at any speed.
   * - Without `days`, the past is laid down as fast as the platform stores it, newest day first, while the devices are
   *   live already; `speed` is how many times as often as usual they speak live, at most every five seconds: 1 as in
   *   real life, 20 for a page that moves. Their usual times are among these.
   */
  speed: number
  assets: number
  httpUrl: string
  mqttUrl: string
  /** A token that may register assets and devices, install them and read: role `manager` or above. */
  token: string
  /**
   * File that keeps devices' secrets from one run to the next (mode 0600), and how far a city without an end got: it
   * then keeps its first start, and only what is missing is laid down. Without it, a second run on the same platform
   * cannot connect its devices.
   */
  secretsFile?: string
  signal: AbortSignal
  log(line: string): void
}

/** What a run did. Messages and readings are those acknowledged by the broker, counted again when sent again. */
export type Summary = {
  assets: number
  devices: number
  /** Devices that could not connect: their secret is not known here, or was revoked. */
  refused: number
  from: string
  to: string
  messages: number
  readings: number
}

/**
 * Lets a simulated city live on a platform: registers it over HTTP, connects its devices over MQTT under their own
 * credentials, and lets them publish. Ends when `days` are over, or with `signal`: then without an error.
 * Throws RangeError for options out of range, Error for what the platform refuses or when it cannot be reached.
 */
export async function simulate(options: SimulateOptions): Promise<Summary> {
  const { seed, days, speed, assets, httpUrl, mqttUrl, token, signal, log } = options
  if (!(speed > 0)) throw new RangeError('The speed of a simulation is a number above 0.')
  if (days !== undefined && !(days > 0)) throw new RangeError('A simulation lasts more than 0 days.')
  const { run, save } = openRunFile(options.secretsFile)
  const endless = days === undefined
  const startMs = endless ? (run.cities[seed]?.startMs ?? options.startMs) : options.startMs
  if (startMs > Date.now()) throw new RangeError('A simulation starts in the past.')
  const city = planCity({ seed, assets, startMs })
  const platform = openPlatform({ httpUrl, token, signal })
  let speakers: Speaker[] = []
  const total: Sent = { messages: 0, readings: 0 }
  let to = startMs
  try {
    const devices = await register(platform, city, run, save, log)
    speakers = await connect(devices, mqttUrl, run, signal, log)
    const phase: Phase = { platform, speakers, startMs, total, signal, log }
    if (endless) {
      run.cities[seed] ??= { startMs, sent: [] }
      to = await liveOn({ ...phase, talkativeness: speed, progress: run.cities[seed], save })
    } else to = await replay({ ...phase, speed, endMs: startMs + days * dayMs })
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    save()
    await inParallel(speakers, connectionsAtOnce, ({ client }) => client.close())
  }
  return {
    assets: city.assets.length,
    devices: speakers.length,
    refused: city.devices.length - speakers.length,
    from: new Date(startMs).toISOString(),
    to: new Date(to).toISOString(),
    ...total,
  }
}

async function register(platform: Platform, city: City, run: Run, save: () => void, log: (line: string) => void) {
  const began = Date.now()
  const devices = await registerCity(platform, city, run, save)
  const seconds = ((Date.now() - began) / 1000).toFixed(1)
  log(
    `City of seed ${city.seed}: ${city.assets.length} assets, ${city.devices.length} devices, there after ${seconds} s`,
  )
  return devices
}

type Phase = {
  platform: Platform
  speakers: readonly Speaker[]
  startMs: number
  total: Sent
  signal: AbortSignal
  log(line: string): void
}

async function connect(
  devices: readonly PlannedDevice[],
  mqttUrl: string,
  run: Run,
  signal: AbortSignal,
  log: (line: string) => void,
): Promise<Speaker[]> {
  const began = Date.now()
  const speakers: Speaker[] = []
  const refusals: string[] = []
  await inParallel(devices, connectionsAtOnce, async (device) => {
    const client = await connectDevice({ mqttUrl, id: device.id, secret: run.secrets[device.id]!, signal })
    if ('refused' in client) refusals.push(`${device.id}: ${client.refused}`)
    else speakers.push({ device, client })
  })
  if (refusals.length > 0) log(`${refusals.length} devices were refused, the first of them ${refusals[0]}`)
  log(`${speakers.length} devices connected in ${((Date.now() - began) / 1000).toFixed(1)} s`)
  return speakers
}

/** The past in bulk and the present at once, until `signal` is aborted. Answers when it ended. */
async function liveOn(
  phase: Phase & { talkativeness: number; progress: Run['cities'][string]; save(): void },
): Promise<number> {
  const { platform, speakers, startMs, total, signal, log, talkativeness, progress, save } = phase
  const liveFrom = Date.now()
  const live = startSpeaking(speakers, liveFrom, talkativeness, total, liveFrom - longestLateMs)
  let liveUntil = liveFrom
  const note = () => {
    progress.sent = addSpan(progress.sent, { from: liveFrom, to: liveUntil })
    save()
  }
  const history = layHistory({
    platform,
    speakers,
    whole: { from: startMs, to: liveFrom },
    already: [...progress.sent],
    sent: total,
    signal,
    onDay(day, left) {
      progress.sent = addSpan(progress.sent, day)
      save()
      const rest = left === 0 ? 'the past is complete' : `days left: ${left}`
      log(`History of ${new Date(day.from).toISOString().slice(0, 10)} is there; ${rest}`)
    },
  })
  let failure: unknown
  history.catch((error: unknown) => {
    failure = error
  })
  let notedAt = liveFrom
  while (!signal.aborted) {
    liveUntil = live.speakUntil(Date.now())
    if (Date.now() - notedAt > noteEveryMs) {
      notedAt = Date.now()
      note()
    }
    await pause(tickMs, signal)
    if (failure !== undefined && !signal.aborted) throw failure
  }
  await settle(live)
  note()
  return liveUntil
}

/** A span of time in order, fast over the past and at real speed from now on. Answers its end. */
async function replay(phase: Phase & { speed: number; endMs: number }): Promise<number> {
  const { platform, speakers, startMs, total, signal, log, speed, endMs } = phase
  const began = Date.now()
  const clock = () => Math.min(Date.now(), startMs + (Date.now() - began) * speed, endMs)
  const speaking = startSpeaking(speakers, startMs, 1, total)
  let day = 0
  let until = startMs
  while (until < endMs && !signal.aborted) {
    until = speaking.speakUntil(clock())
    const days = Math.floor((until - startMs) / dayMs)
    if (days > day) {
      day = days
      log(`${new Date(startMs + (days - 1) * dayMs).toISOString().slice(0, 10)} is over; ${total.readings} readings`)
    }
    await pause(tickMs, signal)
  }
  if (!signal.aborted) speaking.sayLeft()
  await settle(speaking)
  if (speaking.last !== undefined && !signal.aborted) await waitUntilStored(platform, speaking.last, signal)
  return until
}

async function settle(speaking: { readonly inFlight: number }): Promise<void> {
  const deadline = Date.now() + longestFarewellMs
  while (speaking.inFlight > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20))
}
