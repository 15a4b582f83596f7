import { describe, expect, test } from 'vitest'
import { toScript } from '../../devices/repositories/published.ts'
import { compileScriptModel } from '../../devices/script-model.ts'
import { makePool } from '../support/codecs.ts'

/* Codecs as vendors write them, by the habits of each network and each maker: none may need a change. */

const receivedAt = Date.parse('2026-03-02T06:00:00Z')
const payload = Buffer.from('0367d700056863', 'hex')

const decoders: Readonly<Record<string, { source: string; answer: unknown }>> = {
  'TTN v2, a Decoder that answers the data': {
    source: `function Decoder(bytes, port) { var decoded = {}; decoded.port = port; decoded.t = (bytes[2] | bytes[3] << 8) / 10; return decoded }`,
    answer: { port: 85, t: 21.5 },
  },
  'ChirpStack v3, the port first, with variables': {
    source: `function Decode(fPort, bytes, variables) { return { fPort: fPort, n: bytes.length, v: typeof variables } }`,
    answer: { fPort: 85, n: 7, v: 'object' },
  },
  'a v2 codec with the wrapper of TTN v3': {
    source: `function Decoder(bytes, port) { return { t: bytes[2] } }
      function decodeUplink(input) { var data = Decoder(input.bytes, input.fPort); return { data: data, warnings: [], errors: [] } }`,
    answer: { t: 215 },
  },
  'Milesight: type by type, with slices and readers': {
    source: `function decodeUplink(input) { return { data: milesight(input.bytes) } }
      function milesight(bytes) {
        var decoded = {}
        for (var i = 0; i < bytes.length; ) {
          var id = bytes[i++], type = bytes[i++]
          if (id === 0x03 && type === 0x67) { decoded.temperature = readInt16LE(bytes.slice(i, i + 2)) / 10; i += 2 }
          else if (id === 0x05 && type === 0x68) { decoded.humidity = bytes[i] / 2; i += 1 } else break
        }
        return decoded
      }
      function readUInt16LE(bytes) { var value = (bytes[1] << 8) + bytes[0]; return value & 0xffff }
      function readInt16LE(bytes) { var ref = readUInt16LE(bytes); return ref > 0x7fff ? ref - 0x10000 : ref }`,
    answer: { temperature: 21.5, humidity: 49.5 },
  },
  'Dragino: hexadecimal, toFixed and a switch by port': {
    source: `function str_pad(byte) { var zero = '00'; var hex = byte.toString(16); return zero.substr(0, zero.length - hex.length) + hex }
      function decodeUplink(input) {
        switch (input.fPort) {
          case 85: {
            var bytes = input.bytes
            return { data: { hex: str_pad(bytes[0]) + str_pad(bytes[1]), t: parseFloat((parseInt('d7', 16) / 10).toFixed(2)), s: String.fromCharCode(bytes[1]) } }
          }
          default: return { errors: ['unknown FPort'] }
        }
      }`,
    answer: { hex: '0367', t: 21.5, s: 'g' },
  },
  'ELSYS: constants, a decoder of its own, signed numbers by shifts': {
    source: `const TYPE_TEMP = 0x03
      function bin16dec(bin) { var num = bin & 0xffff; if (0x8000 & num) num = -(0x010000 - num); return num }
      function hexToBytes(hex) { for (var bytes = [], c = 0; c < hex.length; c += 2) bytes.push(parseInt(hex.substr(c, 2), 16)); return bytes }
      function decodeUplink(input) { return { data: { is: input.bytes[0] === TYPE_TEMP, v: bin16dec(0xff85), b: hexToBytes('0a0b') } } }`,
    answer: { is: true, v: -123, b: [10, 11] },
  },
  'typed arrays and DataView': {
    source: `const decodeUplink = ({ bytes }) => {
      const view = new DataView(Uint8Array.from(bytes).buffer)
      return { data: { t: view.getInt16(2, true) / 10, f: new Float32Array([1.5])[0], big: Number(view.getBigUint64 ? 1n : 0n) } }
    }`,
    answer: { t: 21.5, f: 1.5, big: 1 },
  },
  'Buffer, as ThingPark and ChirpStack have it': {
    source: `function decodeUplink(input) { var b = Buffer.from(input.bytes); return { data: { t: b.readInt16LE(2) / 10, hex: b.toString('hex'), base64: b.slice(0, 2).toString('base64') } } }`,
    answer: { t: 21.5, hex: '0367d700056863', base64: 'A2c=' },
  },
  'big integers, of which one is past what a number holds': {
    source: `function decodeUplink(input) {
      var big = Buffer.from([0, 0, 0, 0, 0, 1, 0, 0]).readBigUInt64BE(0)
      return { data: { counter: big, negative: -3n, list: [new BigUint64Array([7n])[0]], eui: 0x70b3d57ed0000001n } }
    }`,
    answer: { counter: 65536, negative: -3, list: [7], eui: '8121069293711392769' },
  },
  'an ES module that imports Buffer': {
    source: `import { Buffer as Bytes } from 'node:buffer';
      import * as buffer from "buffer"
      export function decodeUplink(input) {
        return { data: { t: Bytes.from(input.bytes).readInt16LE(2) / 10, same: buffer.Buffer === Bytes } }
      }`,
    answer: { t: 21.5, same: true },
  },
  'a library for Node and browsers, with readers on every object and module.exports before its time': {
    source: `"use strict"
      Object.prototype.readInt16LE = function (at) { return this[at] | this[at + 1] << 8 }
      if (typeof module !== 'undefined') { module.exports = codec }
      if (typeof process !== 'undefined' && process.env.NODE_ENV === 'test') { global.codec = codec }
      var codec; (function (codec) { codec.decode = function (bytes) { return { t: bytes.readInt16LE(2) / 10 } } })(codec || (codec = {}))
      function decodeUplink(input) { return { data: { bytes: codec.decode(input.bytes) }, warnings: [], errors: [] } }`,
    answer: { bytes: { t: 21.5 } },
  },
  'CommonJS, bundled': {
    source: `"use strict";
      var __defProp = Object.defineProperty; var __export = function (target, all) { for (var name in all) __defProp(target, name, { get: all[name], enumerable: true }) }
      var codec_exports = {}; __export(codec_exports, { decodeUplink: function () { return decodeUplink } })
      module.exports = codec_exports
      function decodeUplink(input) { return { data: { n: input.bytes.length } } }`,
    answer: { n: 7 },
  },
  'exports of a driver object': {
    source: `exports.driver = { decodeUplink: function (input) { return { data: { n: input.bytes.length } } } }`,
    answer: { n: 7 },
  },
  'ES modules': {
    source: `export const scale = 10
      export function decodeUplink(input) { return { data: { t: input.bytes[2] / scale } } }
      export { scale as factor }`,
    answer: { t: 21.5 },
  },
  'an ES module with a default': {
    source: `export default { decodeUplink(input) { return { data: { n: input.bytes.length } } } }`,
    answer: { n: 7 },
  },
  'classes, spread, optional chaining, generators': {
    source: `class Reader { #at = 0; constructor(bytes) { this.bytes = bytes } *all() { while (this.#at < this.bytes.length) yield this.bytes[this.#at++] } }
      function decodeUplink({ bytes, fPort, ...rest }) { return { data: { sum: [...new Reader(bytes).all()].reduce((a, b) => a + b, 0), none: rest?.nothing?.here ?? null } } }`,
    answer: { sum: payload.reduce((a, b) => a + b, 0), none: null },
  },
  'dates by recvTime': {
    source: `function decodeUplink(input) { var d = new Date(input.recvTime.getTime() - 3600000); return { data: { at: d.toISOString(), year: new Date().getFullYear() } } }`,
    answer: { at: '2026-03-02T05:00:00.000Z', year: 2026 },
  },
  'points, as ThingPark has them': {
    source: `function decodeUplink(input) { return { data: { t: 21 }, points: { temperature: { unitId: 'Cel', record: 21 } } } }`,
    answer: { t: 21 },
  },
}

describe('uplinks', () => {
  for (const [name, { source, answer }] of Object.entries(decoders))
    test(name, async () => {
      const model = compileScriptModel(makePool(), {
        codecs: { decodeUplink: toScript(source) },
        dialect: {},
        mapping: { fields: [], ignored: [] },
      })
      const decoded = await model.decode(payload, { receivedAt, port: 85, patient: true })
      expect(decoded.faults.filter(({ code }) => code !== 'nothing_mapped')).toEqual([])
      expect((decoded.answer as { data: unknown }).data).toEqual(answer)
    })
})

describe('commands', () => {
  const encoders: Readonly<Record<string, { source: string; isBare?: boolean; port?: number }>> = {
    TS013: { source: 'function encodeDownlink(input) { return { bytes: [0xa0, input.data.valve], fPort: 15 } }' },
    'TS013, bytes of a Buffer': {
      source: 'function encodeDownlink(input) { return { bytes: Buffer.from([0xa0, input.data.valve]), fPort: 15 } }',
    },
    'TTN v2': { source: 'function Encoder(object, port) { return [0xa0, object.valve] }', port: 15 },
    'ChirpStack v3': { source: 'function Encode(fPort, obj, variables) { return [0xa0, obj.valve] }', port: 15 },
    'ThingPark, the data itself': {
      source: 'function encodeDownlink(data) { return { bytes: [0xa0, data.valve], fPort: 15 } }',
      isBare: true,
    },
  }
  for (const [name, { source, isBare, port }] of Object.entries(encoders))
    test(name, async () => {
      const model = compileScriptModel(makePool(), {
        codecs: { encodeDownlink: toScript(source) },
        dialect: isBare === true ? { isBare } : {},
        mapping: { fields: [], ignored: [] },
      })
      expect(model.canEncode).toBe(true)
      const encoded = await model.encode({ valve: 7 }, port)
      expect(encoded).toEqual({ bytes: Uint8Array.of(0xa0, 7), port: 15 })
    })

  test('what it says against the data, and what is no bytes, is an error', async () => {
    const encode = (source: string) =>
      compileScriptModel(makePool(), {
        codecs: { encodeDownlink: toScript(source) },
        dialect: {},
        mapping: { fields: [], ignored: [] },
      }).encode({}, 1)
    expect(await encode('function encodeDownlink() { return { errors: ["no valve", "no port"] } }')).toEqual({
      error: 'no valve; no port',
    })
    for (const bytes of ['"zz"', '[256]', '[1.5]', 'null', 'new Array(2000).fill(1)'])
      expect(await encode(`function encodeDownlink() { return { bytes: ${bytes}, fPort: 1 } }`)).toEqual({
        error: { fr: expect.any(String), en: 'its codec answered no bytes' },
      })
    expect(await encode('function decodeUplink() {}')).toEqual({
      error: expect.stringContaining('no function encodeDownlink'),
    })
  })
})
