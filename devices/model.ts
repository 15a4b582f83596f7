import type { DecodedReading, Decoding } from '../domain/fault.ts'
import type { Label, Quantity } from '../domain/quantity.ts'

/** How a number stands in a binary payload: sign, bits, byte order. */
export type FieldType =
  | 'u8'
  | 'i8'
  | 'u16be'
  | 'u16le'
  | 'i16be'
  | 'i16le'
  | 'u24be'
  | 'u32be'
  | 'u32le'
  | 'i32be'
  | 'i32le'
  | 'f32be'
  | 'f32le'

/** value = raw * scale + offset, unless raw is `missing` (then the field gives no reading) or is mapped by `states`. */
type FieldMeaning = {
  quantity: Quantity
  channel?: string
  scale?: number
  offset?: number
}

/**
 * One number of a binary payload. `at` is its first byte; `bits` takes `[from, count]` of the integer, bit 0 the lowest.
 * `expect` instead of a quantity makes it a marker: a frame with another value is a `bad_frame`.
 */
export type BinaryField =
  | ({ at: number; type: FieldType; missing?: number; bits?: readonly [from: number, count: number] } & FieldMeaning)
  | { at: number; type: FieldType; expect: number }

/** One value of a JSON payload, found by a path of keys such as `status.battery`; numbers, booleans or mapped texts. */
export type JsonField = { path: string; values?: Readonly<Record<string, number>> } & FieldMeaning

/**
 * What a device of this model sends. `parvis` is the project's own JSON; `binary` a frame of fixed length; `json` any
 * other JSON object; `custom` is decoded by the folder's own `decode.ts`, for what a table cannot say. A device may send
 * the project's own JSON whatever its model: gateways and history do.
 */
export type PayloadDefinition =
  | { format: 'parvis' }
  | { format: 'binary'; bytes: number; fields: readonly BinaryField[] }
  | { format: 'json'; fields: readonly JsonField[]; time?: string }
  | { format: 'custom'; decode: Decode; encode?: Encode }

/** What a codec may know beside the payload. `port` is LoRaWAN's fPort. */
export type DecodeContext = { receivedAt: number; port?: number }

/** Pure, never throws on bad payloads: what it cannot read becomes faults. */
export type Decode = (payload: Uint8Array, context: DecodeContext) => Decoding

/** The inverse, as a simulated device does it. */
export type Encode = (readings: readonly DecodedReading[]) => Uint8Array

/** A device model: the type of a sensor unit, as data. */
export type DeviceModel = {
  id: string
  vendor: string
  label: Label
  /** The asset kinds that it watches. */
  assetKinds: readonly string[]
  /** How often it is expected to speak, in seconds; it counts as silent after three times that. */
  expectedIntervalS: number
  /** What it measures, for pages and checks; `generic-json` has all. */
  quantities: readonly Quantity[]
  payload: PayloadDefinition
}

/** What an integration's message says, once its network's envelope is opened. */
export type Envelope = {
  /** The device's own id at its network (DevEUI in lower case for LoRaWAN), or null with a fault. */
  deviceId: string | null
  observedAt?: number
  /** The device's payload, for its model's codec; null when the message carries readings only. */
  payload: Uint8Array | null
  port?: number
  /** What the network itself measured or already decoded: rssi, snr, frame counter. */
  readings: DecodedReading[]
  faults: Decoding['faults']
}

/** How a network server (an integration) wraps what devices send. One folder under `devices/formats/`. */
export type UplinkFormat = {
  id: string
  label: Label
  /** Opens one message; null when it is of no interest (a join, an acknowledgement). Never throws. */
  open(topic: string, payload: Uint8Array): Envelope | null
}
