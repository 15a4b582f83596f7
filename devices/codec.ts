import { fault } from '../domain/fault.ts'
import { compileFrame } from './binary-frame.ts'
import { looksLikeJson } from './json-payload.ts'
import { compileJsonDecoder, compileJsonEncoder } from './json-table.ts'
import type { Decode, DeviceModel, Encode } from './model.ts'
import { decodeParvisJson, encodeParvisJson } from './parvis-json.ts'

/**
 * Compiles a model's codec: payload bytes -> readings and faults. Done once a model; what comes back never throws.
 * Every model also takes the project's own JSON: a frame of the model's length is the frame (unless its markers say no
 * and it begins as JSON does), and what begins with `{` or `[` is JSON.
 */
export function compileDecoder(model: DeviceModel): Decode {
  const { payload } = model
  switch (payload.format) {
    case 'parvis':
      return decodeParvisJson
    case 'json':
      return compileJsonDecoder(payload.fields, payload.time)
    case 'binary':
      return compileFrameDecoder(payload.bytes, compileFrame(payload.bytes, payload.fields))
    case 'custom':
      return guard((bytes, context) => (looksLikeJson(bytes) ? decodeParvisJson : payload.decode)(bytes, context))
  }
}

/** Compiles the inverse: readings -> the payload that a device of this model would send. */
export function compileEncoder(model: DeviceModel): Encode {
  const { payload } = model
  switch (payload.format) {
    case 'parvis':
      return encodeParvisJson
    case 'json':
      return compileJsonEncoder(payload.fields, payload.time)
    case 'binary':
      return compileFrame(payload.bytes, payload.fields).encode
    case 'custom':
      return payload.encode ?? encodeParvisJson
  }
}

function compileFrameDecoder(bytes: number, frame: ReturnType<typeof compileFrame>): Decode {
  return (payload, context) => {
    if (payload.length === bytes) {
      const mismatch = frame.checkMarkers(payload)
      if (mismatch === null) return { readings: frame.readFields(payload), faults: [] }
      return looksLikeJson(payload) ? decodeParvisJson(payload, context) : { readings: [], faults: [mismatch] }
    }
    if (looksLikeJson(payload)) return decodeParvisJson(payload, context)
    return { readings: [], faults: [fault('wrong_length', { found: payload.length, expected: bytes })] }
  }
}

// A model's own decode.ts promises not to throw; where it breaks the promise, the uplink is a dead letter that says so.
function guard(decode: Decode): Decode {
  return (payload, context) => {
    try {
      return decode(payload, context)
    } catch (error) {
      return { readings: [], faults: [fault('codec_error', { error: (error as Error).message })] }
    }
  }
}
