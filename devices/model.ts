import type { AssetKind } from '../domain/asset-kind.ts'
import type { DecodedReading, Decoding, Fault } from '../domain/fault.ts'
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
  | 'u24le'
  | 'u32be'
  | 'u32le'
  | 'i32be'
  | 'i32le'
  | 'f32be'
  | 'f32le'

/** value = raw * scale + offset; the scale is 1 and the offset 0 when not given. */
type FieldMeaning = {
  quantity: Quantity
  channel?: string
  scale?: number
  offset?: number
}

/**
 * One number of a binary payload. `at` is its first byte; `bits` takes `[from, count]` of an unsigned integer, bit 0 the
 * lowest. A raw number equal to `missing` gives no reading (NaN may stand here for a float). `expect` instead of a
 * quantity makes it a marker: a frame with another value is a `bad_frame`.
 */
export type BinaryField =
  | ({ at: number; type: FieldType; missing?: number; bits?: readonly [from: number, count: number] } & FieldMeaning)
  | { at: number; type: FieldType; expect: number }

/**
 * One value of a JSON payload, found by a path of keys such as `status.battery` or `sockets.0.power`. A number is
 * scaled, a boolean is 0 or 1, a text is looked up in `values` and then among the quantity's states; null or nothing
 * gives no reading. `channelPath` finds the channel in the message itself, such as the tag of the bin that was lifted;
 * without a text there, `channel` stands. An array gives one reading for each of `channels`, where there are some.
 */
export type JsonField = {
  path: string
  values?: Readonly<Record<string, number>>
  channelPath?: string
  channels?: readonly string[]
} & FieldMeaning

/**
 * What a device of this model sends. `parvis` is the project's own JSON; `binary` a frame of fixed length; `json` any
 * other JSON object or array of such, with the time at the path `time` (RFC 3339 or epoch milliseconds); `custom` is
 * decoded by the folder's own `decode.ts`, for what a table cannot say. A device may send the project's own JSON
 * whatever its model: gateways and history do.
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

/**
 * The inverse, as a simulated device does it. Values are rounded to what the payload can tell and held within what its
 * numbers can hold; readings that the model does not send are left out. Only JSON can carry `observedAt`.
 */
export type Encode = (readings: readonly DecodedReading[]) => Uint8Array

/** A device model: the type of a sensor unit, as data. */
export type DeviceModel = {
  id: string
  vendor: string
  label: Label
  /** The asset kinds that it watches. */
  assetKinds: readonly AssetKind[]
  /** How often it is expected to speak, in seconds; it counts as silent after three times that. */
  expectedIntervalS: number
  /** What it measures, for pages and checks; `generic-json` has all. */
  quantities: readonly Quantity[]
  payload: PayloadDefinition
  /** The frame by which it is told what to do; a model that reads JSON takes the project's own. */
  downlink?: FrameDefinition
}

/** A frame that commands a device: the values of its table by quantity. Null stands for `missing`, where a field has one. */
export type FrameDefinition = { port: number; bytes: number; fields: readonly BinaryField[] }

/** A payload as an example writes it: a frame in hexadecimal, a JSON value, or a text as it is. */
export type ExamplePayload = { hex: string } | { json: unknown } | { text: string }

/**
 * One line of a model's `examples.json`: payload in, readings and faults out. Each is a test of its own. A reading's
 * channel is empty when left out; `observedAt` is RFC 3339.
 */
export type ModelExample = {
  name: string
  sort: 'success' | 'boundary' | 'failure'
  payload: ExamplePayload
  readings?: readonly { channel?: string; quantity: Quantity; value: number; observedAt?: string }[]
  faults?: readonly Fault[]
}

/** What an integration's message says, once its network's envelope is opened. */
export type Envelope = {
  /** The device's own id at its network (DevEUI in lower case for LoRaWAN), or null with a fault. */
  deviceId: string | null
  /** When the network heard it, for readings that bring no time of their own; epoch milliseconds. */
  observedAt?: number
  /** The device's payload, for its model's codec; null when the message carries readings only. */
  payload: Uint8Array | null
  port?: number
  /** What tells a radio frame that comes a second time: its counter and, where the network says it, its address. */
  frame?: FrameIdentity
  /** What the network's own codec made of the payload, for models that read JSON. */
  decoded?: DecodedByNetwork
  /** What the network itself measured or already decoded: rssi, snr, frame counter. */
  readings: DecodedReading[]
  faults: Fault[]
  /** What the network says became of a command; such a message holds nothing else. */
  answer?: CommandAnswer
}

/**
 * What a network says became of a command: `transmitted` by a gateway, `acknowledged` by the device, or `refused`, with
 * what is in its way. The id may be the beginning of one.
 */
export type CommandAnswer = {
  commandId: string
  outcome: 'transmitted' | 'acknowledged' | 'refused'
  detail: string | null
}

/** LoRaWAN's FCntUp and DevAddr, or what goes for them. A device that joins again counts from 0, with a new address. */
export type FrameIdentity = { counter: number; address?: string }

/**
 * The network's own reading of a payload: `readings` of a form whose names and units are fixed, `object` as its codec
 * gave it. The device's own model comes first wherever it can read the payload itself.
 */
export type DecodedByNetwork = { readings: DecodedReading[]; object?: unknown }

/** What a format may know beside the message. `zone` is the IANA zone of times that bring none. */
export type OpenContext = { receivedAt: number; zone: string }

/** Opens one message; null when it is of no interest (a join, an acknowledgement). Never throws. */
export type Open = (topic: string, payload: Uint8Array, context: OpenContext) => Envelope | null

/** How a network server (an integration) wraps what devices send. One folder under `devices/formats/`. */
export type UplinkFormat = { id: string; label: Label; open: Open; downlink?: DownlinkFormat }

/** A command on its way to a device: `bytes` are what goes out, `data` what was asked for when it was no frame. */
export type OutgoingCommand = {
  id: string
  deviceId: string
  bytes: Uint8Array
  port: number | null
  confirmed: boolean
  data: unknown
}

/**
 * How commands go back by MQTT to the devices of a network. A network that `takes` a frame wants the device's own bytes;
 * one that takes data encodes them itself. `tells`: it says later what became of a command, as `Open` reads it.
 */
export type DownlinkFormat = {
  /** Where a command goes to the device that an uplink with this topic came from; null when the topic does not say. */
  replyTopic(uplinkTopic: string): string | null
  takes: 'frame' | 'data'
  /** Whether a frame goes to a port, as LoRaWAN has it. */
  hasPorts: boolean
  tells: boolean
  /** What is published to the reply topic; null for data that it has no form for. */
  write(command: OutgoingCommand): Uint8Array | null
}

/**
 * One line of a format's `examples.json`: a message in, its envelope out; null for a message of no interest. The frame
 * for the device's codec is left out of the envelope when there is none.
 */
export type FormatExample = {
  name: string
  sort: 'success' | 'boundary' | 'failure'
  topic: string
  payload: ExamplePayload
  envelope: {
    deviceId: string | null
    observedAt?: string
    frame?: ExamplePayload
    port?: number
    identity?: FrameIdentity
    decoded?: { readings?: ModelExample['readings']; object?: unknown }
    readings?: ModelExample['readings']
    faults?: readonly Fault[]
    answer?: CommandAnswer
  } | null
}

/** One line of a format's `downlinks.json`: a command to the device of an uplink's topic, and what is published where. */
export type DownlinkExample = {
  name: string
  uplinkTopic: string
  command: { id: string; deviceId: string; hex?: string; port?: number; confirmed?: boolean; data?: unknown }
  topic: string | null
  payload?: ExamplePayload | null
}
