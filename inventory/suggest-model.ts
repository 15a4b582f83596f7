import { models } from '../devices/catalogue.ts'
import { compileDecoder } from '../devices/codec.ts'
import type { Decode, DeviceModel, Envelope } from '../devices/model.ts'
import type { DecodedReading } from '../domain/fault.ts'
import { judge } from '../domain/validate.ts'

/** The model that takes any quantity in the project's own JSON. */
const generic = 'generic-json'

const decoders: { id: string; decode: Decode }[] = []

/** Older readings are no reason to doubt a model. */
const anyHorizonDays = 36_500

/**
 * The model of the catalogue that a message can only be of, or null: what is in the project's own JSON, or has names or
 * markers that one model alone takes. A frame without any says nothing but its length.
 */
export function suggestModel(
  { payload, port, decoded }: Pick<Envelope, 'payload' | 'port' | 'decoded'>,
  receivedAt: number,
): string | null {
  if (payload === null) return decoded !== undefined && decoded.readings.length > 0 ? generic : null
  const context = { receivedAt, ...(port === undefined ? {} : { port }) }
  if (decoders.length === 0)
    for (const model of models.values())
      if (speaksForItself(model)) decoders.push({ id: model.id, decode: compileDecoder(model) })
  const fitting = decoders.filter(({ decode }) => {
    const { readings, faults } = decode(payload, context)
    const isRight = (reading: DecodedReading) => judge(reading, receivedAt, anyHorizonDays) === null
    return faults.length === 0 && readings.length > 0 && readings.every(isRight)
  })
  // Every model takes the project's own JSON, which this one is made for.
  if (fitting.some(({ id }) => id === generic)) return generic
  return fitting.length === 1 ? fitting[0]!.id : null
}

function speaksForItself({ payload }: DeviceModel): boolean {
  return payload.format !== 'binary' || payload.fields.some((field) => 'expect' in field)
}
