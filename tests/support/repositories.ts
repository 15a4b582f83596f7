const probe = `
function decodeUplink(input) {
  if (input.fPort !== 2) return { errors: ['unknown fPort ' + input.fPort] }
  var data = { temp_c: ((input.bytes[0] << 8) | input.bytes[1]) / 10, BatV: input.bytes[2] / 10 }
  if (input.recvTime) data.time = input.recvTime
  return { data: data, warnings: data.BatV < 3 ? ['low battery'] : [] }
}
function normalizeUplink(input) { return { data: { air: { temperature: input.data.temp_c } } } }
`
const valve = `
function decodeUplink(input) { return { data: { open: input.bytes[0] === 1 } } }
function encodeDownlink(input) {
  if (typeof input.data.open !== 'boolean') return { errors: ['open is missing'] }
  return { bytes: [input.data.open ? 1 : 0], fPort: 10 }
}
function decodeDownlink(input) { return { data: { open: input.bytes[0] === 1 } } }
`

/** A small copy of a repository in the layout of The Things Network, with what real ones hold to trip over. */
export const ttnFiles: Record<string, unknown> = {
  'vendor/index.yaml': 'vendors:\n  - id: acme\n    name: Acme\n',
  'vendor/acme/index.yaml': 'endDevices:\n  - probe\n  - valve\n  - lost\n',
  'vendor/acme/probe.yaml': `name: Probe
description: Measures
firmwareVersions:
  - version: '1.0'
    profiles:
      EU863-870: { id: profile, codec: old-codec }
  - version: '2.0'
    profiles:
      US902-928: { id: profile }
      EU863-870: { id: profile, codec: probe-codec }
`,
  'vendor/acme/valve.yaml': `name: Valve
firmwareVersions:
  - version: 1.0
    profiles:
      EU863-870: { id: profile, codec: valve-codec }
`,
  'vendor/acme/probe-codec.yaml': `uplinkDecoder:
  fileName: probe.js
  examples:
    - description: warm
      input: { fPort: 2, bytes: [0x00, 0xD7, 0x24] }
      output: &warm
        data: { temp_c: 21.5, BatV: 3.6 }
      normalizedOutput:
        data: { air: { temperature: 21.5 } }
    - description: warm again
      input: { fPort: 2, bytes: 00D724 }
      output:
        <<: *warm
        warnings: []
    - description: at a time
      input: { fPort: 2, bytes: [0, 215, 20], recvTime: '2026-03-01T09:00:00+01:00' }
      output:
        data: { temp_c: 21.5, BatV: 2, time: '2026-03-01T08:00:00.000Z' }
        warnings: [low battery]
    - description: another port
      input: { fPort: 3, bytes: [] }
      output: { errors: [unknown fPort 3] }
`,
  'vendor/acme/old-codec.yaml': `uplinkDecoder:
  fileName: probe.js
  examples:
    - description: right
      input: { fPort: 2, bytes: [0, 10, 36] }
      output: { data: { temp_c: 1, BatV: 3.6 } }
    - description: wrong
      input: { fPort: 2, bytes: [0, 10, 36] }
      output: { data: { temp_c: 2, BatV: 3.6 } }
`,
  'vendor/acme/valve-codec.yaml': `uplinkDecoder:
  fileName: valve.js
  examples:
    - { description: open, input: { fPort: 1, bytes: [1] }, output: { data: { open: true } } }
downlinkEncoder:
  fileName: valve.js
  examples:
    - { description: open, input: { data: { open: true } }, output: { bytes: [1], fPort: 10 } }
    - { description: nothing, input: { data: {} }, output: { errors: [open is missing] } }
downlinkDecoder:
  fileName: valve.js
  examples:
    - { description: open, input: { fPort: 10, bytes: [1] }, output: { data: { open: true } } }
`,
  'vendor/acme/spare-codec.yaml': `uplinkDecoder:
  fileName: valve.js
  examples:
    - { description: shut, input: { fPort: 1, bytes: [0] }, output: { data: { open: false } } }
`,
  'vendor/acme/probe.js': `\uFEFF${probe}`,
  'vendor/acme/valve.js': valve,
}

/** The same in the layout of ChirpStack’s device profiles. */
export const chirpstackFiles: Record<string, unknown> = {
  'vendors/acme/vendor.toml': '[vendor]\nid = "8a2c"\nname = "Acme"\ndevices = ["probe.toml"]\n',
  'vendors/acme/devices/probe.toml': `[device]
name = "Probe"
description = "Measures"
[[device.firmware]]
version = "1.0"
profiles = ["EU868.toml"]
codec = "older.js"
[[device.firmware]]
version = "2.0"
profiles = ["EU868.toml"]
codec = "probe.js"
`,
  'vendors/acme/codecs/probe.js': `${probe}
function encodeDownlink(input) { return { bytes: [255, input.data.interval & 255] } }
`,
  'vendors/acme/codecs/test_decode_probe.json': `[
  {
    "name": "warm", // in summer
    "input": { "fPort": 0x02, "bytes": [0x00, 0xd7, 0x24], "variables": {} },
    "expected": { "data": { "temp_c": 21.5, "BatV": 3.6 }, "warnings": [] },
  },
  {
    "name": "at a time",
    "input": { "fPort": 2, "bytes": [0, 215, 36], "recvTime": new Date("2026-03-01T08:00:00Z") },
    "expected": { "data": { "temp_c": 21.5, "BatV": 3.6, "time": "2026-03-01T08:00:00.000Z" }, "warnings": [] },
  },
  { "name": "another port", "input": { "fPort": 3, "bytes": [] }, "expected": { "errors": ["unknown fPort 3"] } },
];
`,
  'vendors/acme/codecs/test_encode_probe.json':
    '[{ "name": "interval", "input": { "data": { "interval": 60 } }, "expected": { "bytes": [255, 60] } }]',
  'vendors/acme/codecs/older.js': 'function Decode(fPort, bytes) { return { level: bytes[0] } }',
  'vendors/acme/codecs/test_decode_older.json':
    '[{ "name": "level", "input": { "fPort": 1, "bytes": [7] }, "expected": { "data": { "level": 7 } } }]',
  'vendors/acme/codecs/test_encode_older.json': '[{ "name": ',
}

const driver = (main: string) => ({ name: 'driver', version: '1.0.0', main })

/** The same in the layouts of Actility’s catalogue. */
export const actilityFiles: Record<string, unknown> = {
  'vendors/acme/vendor.yaml': 'id: acme\nname: Acme\n',
  'vendors/acme/models/probe-100/model.yaml': 'name: Probe 100\nprotocolId:\n  - acme:probe:1\n',
  'vendors/acme/models/other/model.yaml': 'name: Other\nprotocolId:\n  - acme:other:1\n',
  'vendors/acme/drivers/probe/driver.yaml': 'name: Probe driver\nprotocolId: acme:probe:1\nsignature:\n',
  'vendors/acme/drivers/probe/package.json': driver('index.js'),
  'vendors/acme/drivers/probe/index.js': `
function decodeUplink(input) {
  var result = { data: {}, errors: [], warnings: [] }
  var raw = Buffer.from(input.bytes)
  if (raw.byteLength < 2) { result.errors.push('too short'); delete result.data; return result }
  result.data.temperature = raw.readInt16BE(0) / 10
  result.data.now = new Date().toISOString()
  return result
}
function encodeDownlink(input) {
  if (input.data.level > 255) return { errors: ['too high'], warnings: [] }
  return { bytes: Buffer.from([1, input.data.level]), fPort: 16, errors: [], warnings: [] }
}
function decodeDownlink(input) { return { data: { level: input.bytes[1] }, errors: [], warnings: [] } }
exports.decodeUplink = decodeUplink
exports.encodeDownlink = encodeDownlink
exports.decodeDownlink = decodeDownlink
`,
  'vendors/acme/drivers/probe/examples.json': [
    {
      type: 'uplink',
      description: 'numbers',
      input: { bytes: [0, 215], fPort: 1, recvTime: '2020-08-02T20:00:00.000+05:00' },
      output: { data: { temperature: 21.5, now: 'XXXX-XX-XXTXX:XX:XX.XXXZ' }, errors: [], warnings: [] },
    },
    {
      type: 'uplink',
      description: 'hexadecimal',
      input: { bytes: '00D7', fPort: 1, recvTime: '2020-08-02T20:00:00.000+05:00' },
      output: { data: { temperature: 21.5, now: '2020-08-02T15:00:00.000Z' }, errors: [], warnings: [] },
    },
    {
      type: 'uplink',
      description: 'too short',
      input: { bytes: '00', fPort: 1, recvTime: '2020-08-02T20:00:00.000+05:00' },
      output: { errors: ['too short'], warnings: [] },
    },
    {
      type: 'downlink-encode',
      description: 'level',
      input: { data: { level: 7 } },
      output: { bytes: '0107', fPort: 16, errors: [], warnings: [] },
    },
    {
      type: 'downlink-encode',
      description: 'too high',
      input: { data: { level: 256 } },
      output: { errors: ['too high'], warnings: [] },
    },
    {
      type: 'downlink-decode',
      description: 'level back',
      input: { bytes: '0107', fPort: 16, recvTime: '2020-08-02T20:00:00.000+05:00' },
      output: { data: { level: 7 }, errors: [], warnings: [] },
    },
  ],
  'vendors/acme/drivers/text/package.json': driver('main.js'),
  'vendors/acme/drivers/text/main.js':
    'export function decodeUplink(input) { return { data: { day: input.recvTime.split("T")[0] } } }',
  'vendors/acme/drivers/text/examples.json': [
    {
      type: 'uplink',
      description: 'day',
      input: { bytes: '00', fPort: 1, recvTime: '2020-08-02T20:00:00.000+05:00' },
      output: { data: { day: '2020-08-02' } },
    },
  ],
  'vendors/acme/drivers/older/driver.yaml': 'signature: ttn\n',
  'vendors/acme/drivers/older/package.json': driver('older'),
  'vendors/acme/drivers/older/older.js':
    'function Decoder(bytes, port) { return { level: bytes[0], port: port } } function Encoder(data, port) { return [data.level] }',
  'vendors/acme/drivers/older/examples/older.examples.json': [
    { type: 'uplink', description: 'level', bytes: '07', fPort: 3, data: { level: 7, port: 3 } },
    { type: 'downlink', description: 'level', bytes: '07', fPort: 3, data: { level: 7 } },
  ].map((each) => (each.type === 'downlink' ? { ...each, fPort: undefined } : each)),
  'vendors/acme/drivers/parts/driver.yaml': 'name: Parts\n',
  'vendors/acme/drivers/parts/package.json': driver('./src/index.js'),
  'vendors/acme/drivers/parts/src/index.js':
    'const scale = require("./scale"); const { k } = require("../k.json"); exports.decodeUplink = (i) => ({ data: scale(i.bytes[0], k) })',
  'vendors/acme/drivers/parts/src/scale.js': 'module.exports = function (n, k) { return { level: n * k } }',
  'vendors/acme/drivers/parts/k.json': { k: 2 },
  'vendors/acme/drivers/parts/examples.json': [
    { type: 'uplink', description: 'level', input: { bytes: [4], fPort: 1 }, output: { data: { level: 8 } } },
  ],
  'vendors/acme/drivers/empty/package.json': driver('index.js'),
  'vendors/acme/drivers/empty/driver.yaml': 'name: Empty\n',
}
