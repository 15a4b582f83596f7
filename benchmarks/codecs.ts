import { parseArgs } from 'node:util'
import { models } from '../devices/catalogue.ts'
import { compileDecoder } from '../devices/codec.ts'
import type { Decode } from '../devices/model.ts'
import { toScript } from '../devices/repositories/published.ts'
import { compileScriptModel } from '../devices/script-model.ts'
import { openScriptPool } from '../devices/scripts/pool.ts'
import { readModelExamples } from '../tests/devices/examples.ts'
import { type Row, report, round } from './support/report.ts'

/*
 * `npm run bench -- codecs`: decodes a second of one core. Codecs of vendors run as ingest runs them, in the threads of a
 * pool, each decode in fresh memory: their decodes are divided by the processor time that all threads took. Models that
 * are data are decoded in this thread, their examples in turn. Options: --seconds N, --json.
 */

const { values: options } = parseArgs({
  options: { seconds: { type: 'string', default: '4' }, json: { type: 'boolean', default: false } },
})
const seconds = Number(options.seconds)

const bytes = Uint8Array.from({ length: 24 }, (_, i) => (i * 37) & 0xff)
const fields = ['temperature', 'humidity', 'battery', 'distance', 'counter', 'status']
const walk = `
  var out = {}
  for (var i = 0; i + 4 <= bytes.length; i += 4)
    out[names[i / 4]] = (((bytes[i] << 24) | (bytes[i + 1] << 16) | (bytes[i + 2] << 8) | bytes[i + 3]) >>> 0) / 10
  return out`
const names = `var names = ${JSON.stringify(fields)}`
// Vendors ship tables of hundreds of kilobytes with codecs that use a line of them.
const table = Array.from({ length: 4000 }, (_, i) => `'${i.toString(16)}': { name: 'register ${i}', scale: ${i % 7} }`)

const codecs: Readonly<Record<string, string>> = {
  'TS013, 1 KB': `${names}
    function decodeUplink(input) { var bytes = input.bytes; return { data: (function () { ${walk} })() } }`,
  'TTN v2, as text and hexadecimal': `${names}
    function Decoder(bytes, port) {
      var hex = bytes.map(function (b) { return ('0' + b.toString(16)).slice(-2) }).join('')
      return { temperature: parseInt(hex.slice(0, 4), 16) / 10, text: String.fromCharCode.apply(null, bytes.slice(4, 8)) }
    }`,
  'with Buffer': `function decodeUplink(input) {
      var buffer = Buffer.from(input.bytes)
      return { data: { temperature: buffer.readInt16BE(0) / 10, humidity: buffer.readUInt8(2) } }
    }`,
  'with a table of 180 KB': `var registers = { ${table.join(', ')} }
    function decodeUplink(input) { return { data: { name: registers[input.bytes[3].toString(16)].name, value: 1 } } }`,
}

const rows: Row[] = []
for (const [name, source] of Object.entries(codecs)) rows.push(await measureCodec(name, source))
for (const id of ['parvis-light-300', 'parvis-lift-200', 'linky-tic', 'generic-json']) rows.push(measureModel(id))
report({ name: 'codecs', rows })
process.exit(0)

async function measureCodec(name: string, source: string): Promise<Row> {
  const pool = openScriptPool({ log: (_, text) => console.error(text) })
  const model = compileScriptModel(pool, {
    codecs: { decodeUplink: toScript(source) },
    dialect: {},
    mapping: { fields: [{ path: 'temperature', quantity: 'temperature' }], ignored: [] },
  })
  const decode = () => model.decode(bytes, { receivedAt: Date.now(), port: 2, patient: true })
  // Threads start with the first; what has started a source begins with its image from then on.
  for (let i = 0; i < 20; i++) await decode()
  const cpu = process.cpuUsage()
  const begunAt = performance.now()
  let decodes = 0
  while (performance.now() - begunAt < seconds * 1000) {
    const told = await Promise.all(Array.from({ length: 50 }, decode))
    if (told.some(({ answer }) => answer === undefined)) throw new Error(`${name}: a decode failed`)
    decodes += told.length
  }
  const { user, system } = process.cpuUsage(cpu)
  const wallS = (performance.now() - begunAt) / 1000
  await pool.close()
  return figures(`codec: ${name}`, decodes, wallS, (user + system) / 1e6)
}

function measureModel(id: string): Row {
  const decode: Decode = compileDecoder(models.get(id)!)
  const payloads = readModelExamples(id)
    .filter(({ sort }) => sort === 'success')
    .map(({ payload }) =>
      'hex' in payload
        ? Buffer.from(payload.hex, 'hex')
        : Buffer.from('json' in payload ? JSON.stringify(payload.json) : payload.text),
    )
  const receivedAt = Date.now()
  const run = (untilMs: number) => {
    const begunAt = performance.now()
    let decodes = 0
    while (performance.now() - begunAt < untilMs)
      for (let i = 0; i < 100; i++) {
        decode(payloads[decodes++ % payloads.length]!, { receivedAt })
      }
    return { decodes, wallS: (performance.now() - begunAt) / 1000 }
  }
  run(300)
  const cpu = process.cpuUsage()
  const { decodes, wallS } = run(seconds * 500)
  const { user, system } = process.cpuUsage(cpu)
  return figures(`data: ${id}`, decodes, wallS, (user + system) / 1e6)
}

function figures(what: string, decodes: number, wallS: number, cpuS: number): Row {
  return {
    what,
    'decodes/s per core': round(decodes / cpuS),
    'decodes/s': round(decodes / wallS),
    'ms CPU a decode': round((cpuS / decodes) * 1000),
  }
}
