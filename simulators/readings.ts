import { models } from '../devices/catalogue.ts'
import { compileDecoder, compileEncoder } from '../devices/codec.ts'
import type { Decode, DeviceModel, Encode } from '../devices/model.ts'
import type { DecodedReading } from '../domain/fault.ts'
import { airQuality } from './behaviour/air-quality.ts'
import { bench } from './behaviour/bench.ts'
import { classroom } from './behaviour/classroom.ts'
import { energyMeter, linkyMeter } from './behaviour/energy-meter.ts'
import { parkingBay } from './behaviour/parking-bay.ts'
import { liftTimes, refuseLorry } from './behaviour/refuse-lorry.ts'
import { shelter } from './behaviour/shelter.ts'
import { soundLevel } from './behaviour/sound-level.ts'
import { streetLight } from './behaviour/street-light.ts'
import type { Behaviour } from './behaviour/surroundings.ts'
import { wasteContainer } from './behaviour/waste-container.ts'
import { waterMeter } from './behaviour/water-meter.ts'
import { addDrift, clockAhead, copiesSent, isSilent, observedInstead, sentAt } from './faults.ts'
import { type LampOrder, obeyOrder } from './lamp.ts'
import type { BehaviourName, PlannedDevice } from './plan.ts'
import { uniform } from './random.ts'

const behaviours: Record<BehaviourName, Behaviour> = {
  'air-quality': airQuality,
  bench,
  classroom,
  'energy-meter': energyMeter,
  'linky-meter': linkyMeter,
  'parking-bay': parkingBay,
  'refuse-lorry': refuseLorry,
  shelter,
  'sound-level': soundLevel,
  'street-light': streetLight,
  'waste-container': wasteContainer,
  'water-meter': waterMeter,
}

type Codec = { model: DeviceModel; encode: Encode; decode: Decode }
const codecs = new Map<string, Codec>()

function codecOf(id: string): Codec {
  let codec = codecs.get(id)
  if (codec === undefined) {
    const model = models.get(id)
    if (model === undefined) throw new Error(`The simulated city needs the device model ${id}.`)
    codec = { model, encode: compileEncoder(model), decode: compileDecoder(model) }
    codecs.set(id, codec)
  }
  return codec
}

/**
 * The bytes that a device sends at a time: its model's own, with what its faults make of the values, and what it was told
 * to do.
 */
export function payloadAt(device: PlannedDevice, time: number, order: LampOrder = ownProgramme): Uint8Array {
  const observed = behaviours[device.behaviour](device, observedInstead(device, time))
  return codecOf(device.model).encode(obeyOrder(addDrift(device, time, observed), order))
}

const ownProgramme: LampOrder = { level: null }

/**
 * What a device tells at a time: the readings in its payload, as its model's codec reads them, so that what is sent as
 * history has the same series and the same rounding as what is sent live.
 */
export function readingsAt(device: PlannedDevice, time: number, order?: LampOrder): DecodedReading[] {
  const { readings } = codecOf(device.model).decode(payloadAt(device, time, order), { receivedAt: time })
  return readings
}

/**
 * One thing that a device sends: what it observed at `time`, by its own clock at `observedAt`, sent at `sentAt` and that
 * many times. `plain` says that its model's own bytes will do; what is late, doubled or misdated carries its time.
 */
export type Emission = { time: number; observedAt: number; sentAt: number; copies: 1 | 2; plain: boolean }

/** Least time between two messages of a device, however fast the city talks. */
const leastStepMs = 5000

/**
 * What a device sends of its time in [from, to), `talkativeness` times as often as its interval says.
 */
export function emissionsBetween(device: PlannedDevice, from: number, to: number, talkativeness = 1): Emission[] {
  const emissions: Emission[] = []
  for (const time of timesBetween(device, from, to, talkativeness)) {
    if (isSilent(device, time)) continue
    const observedAt = time + clockAhead(device, time)
    const sendTime = sentAt(device, time)
    const copies = copiesSent(device, time)
    const plain = observedAt === time && sendTime === time && copies === 1
    emissions.push({ time, observedAt, sentAt: sendTime, copies, plain })
  }
  return emissions
}

/**
 * When a device observes: a lorry when it lifts something, any other in a rhythm of its own, whatever `from` is. The
 * times of a rhythm are among those of its whole multiples.
 */
function timesBetween(device: PlannedDevice, from: number, to: number, talkativeness: number): number[] {
  if (device.serves !== undefined) return liftTimes(device, from, to)
  const step = Math.min(device.intervalMs, Math.max(leastStepMs, Math.round(device.intervalMs / talkativeness)))
  const phase = Math.floor((uniform(device.seed, 400) * device.intervalMs) / 1000) * 1000
  const times: number[] = []
  for (let time = Math.ceil((from - phase) / step) * step + phase; time < to; time += step) times.push(time)
  return times
}

/** The readings of emissions, each with its time, as a device sends what it kept. */
export function datedReadings(device: PlannedDevice, emissions: readonly Emission[]): DecodedReading[] {
  return emissions.flatMap(({ time, observedAt }) =>
    readingsAt(device, time).map((reading) => ({ ...reading, observedAt })),
  )
}
