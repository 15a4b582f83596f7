import { defineQuantity, type Label, type Quantity, stateValue } from '../domain/quantity.ts'
import { compileFrame } from './binary-frame.ts'
import { isObject } from './json-payload.ts'
import type { BinaryField, DeviceModel, DownlinkFormat, FrameDefinition, OutgoingCommand } from './model.ts'

/**
 * The way back of a network as data: what an uplink's topic ends with and what stands there instead for a command, and
 * what is published. Null from `message` says that the network has no form for this command.
 */
export type DownlinkTable = {
  reply: readonly (readonly [from: RegExp, to: string])[]
  takes: DownlinkFormat['takes']
  hasPorts?: boolean
  tells?: boolean
  message(command: OutgoingCommand): object | string | Uint8Array | null
}

/** Compiles the way back of a network. Raw bytes to one that takes data go out as they are. */
export function writeDownlinks({
  reply,
  takes,
  hasPorts = false,
  tells = false,
  message,
}: DownlinkTable): DownlinkFormat {
  return {
    replyTopic(uplinkTopic) {
      const row = reply.find(([from]) => from.test(uplinkTopic))
      return row === undefined ? null : uplinkTopic.replace(...row)
    },
    takes,
    hasPorts,
    tells,
    write(command) {
      if (takes === 'data' && command.data === null) return command.bytes
      const told = message(command)
      if (told === null || told instanceof Uint8Array) return told
      return Buffer.from(typeof told === 'string' ? told : JSON.stringify(told))
    },
  }
}

/** A frame in base64, as most networks have it. */
export function toBase64({ bytes }: OutgoingCommand): string {
  return Buffer.from(bytes).toString('base64')
}

/** LoRaWAN's port of a command: without one it is not sent to a network that has them. */
export function portOf({ port }: OutgoingCommand): number {
  return port ?? 1
}

/** What a command came to as bytes, with the port that goes with them; or why there are none. */
export type EncodedCommand = { bytes: Uint8Array; port: number | null } | { error: string | Label }

/**
 * How a model of the catalogue is told what to do: by its frame, or, where it reads JSON, by that. Null for a model that
 * takes no commands.
 */
export function compileCommandEncoder({ downlink, payload }: DeviceModel): ((data: unknown) => EncodedCommand) | null {
  if (downlink !== undefined) return compileCommandFrame(downlink)
  if (payload.format === 'parvis' || payload.format === 'json') return encodeJsonCommand
  return null
}

/** A command to a device that reads JSON: what was asked for, as it is. */
export function encodeJsonCommand(data: unknown): EncodedCommand {
  return { bytes: Buffer.from(JSON.stringify(data)), port: null }
}

type Value = Exclude<BinaryField, { expect: number }>

// A command is held to its table: what a frame cannot say is an error, and nothing is rounded away in silence.
function compileCommandFrame({ port, bytes, fields }: FrameDefinition): (data: unknown) => EncodedCommand {
  const frame = compileFrame(bytes, fields)
  const values = fields.filter((field): field is Value => !('expect' in field))
  const names = values.map(({ quantity }) => quantity).join(', ')
  return (data) => {
    if (!isObject(data)) return refuse(names, 'attendu : un objet', 'expected an object')
    const unknown = Object.keys(data).find((name) => !values.some(({ quantity }) => quantity === name))
    if (unknown !== undefined) return refuse(unknown, `ce modèle prend ${names}`, `this model takes ${names}`)
    const given: { channel: string; quantity: Quantity; value: number }[] = []
    for (const { quantity, channel = '', missing } of values) {
      const told = data[quantity]
      if (told === undefined) return refuse(quantity, 'absent', 'it is missing')
      if (told === null && missing !== undefined) continue
      const value = typeof told === 'string' ? stateValue(quantity, told) : told
      const { min, max, states } = defineQuantity(quantity)
      if (typeof value !== 'number' || !(value >= min && value <= max)) {
        const wanted = states?.map(({ name }) => name).join(', ')
        return refuse(quantity, `attendu : ${wanted ?? `${min} à ${max}`}`, `expected ${wanted ?? `${min} to ${max}`}`)
      }
      given.push({ channel, quantity, value })
    }
    return { bytes: frame.encode(given), port }
  }
}

function refuse(what: string, fr: string, en: string): EncodedCommand {
  return { error: { fr: `${what} : ${fr}`, en: `${what}: ${en}` } }
}
