import { spawn } from 'node:child_process'
import { join } from 'node:path'

/* `npm run bench -- <name>`: one program a benchmark, in a process of its own. Adding one is a file and a line here. */

const benchmarks: Record<string, string> = {
  way: 'publish to stored: messages a second, CPU and PUBACK latency, beside Mosquitto with InfluxDB and Node-RED',
  influxdb: 'the same into InfluxDB 1.6, beside Mosquitto with a batching script, with the CPU of each part',
  store: 'the embedded reading store: appends, size, questions, beside InfluxDB and VictoriaMetrics',
  year: 'a year of 2,000 devices: size, time, questions, and charts through the API',
  api: "the API's reads while 5,000 messages a second arrive",
  register: 'a large register: pages, counts, a map and searches while 5,000 readings a second arrive',
  pages:
    'the pages in Chromium: Today with an empty cache, a map of 50,000 assets, clicks while 10,000 changes a minute arrive',
  mixed: 'PUBACK latency at 5,000 messages a second while a query, an export and a seal run',
  bridge: 'a bridge to Mosquitto: messages a second, CPU, nothing lost and nothing twice',
  codecs: 'decodes a second and core: of vendors’ codecs in fresh memory, and of models that are data',
  hostile: 'codecs that mean harm: dead letters in time, PUBACK latency of others',
  fairness: 'PUBACK latency beside a device that floods',
  connections: 'ten thousand devices that connect and publish at once, twice: time and memory',
}

const [name, ...rest] = process.argv.slice(2)
if (name === undefined || !Object.hasOwn(benchmarks, name)) {
  console.error(`usage: npm run bench -- <name> [--json] [...]\n`)
  for (const [each, text] of Object.entries(benchmarks)) console.error(`  ${each.padEnd(12)} ${text}`)
  process.exit(2)
}
const program = spawn(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...rest], { stdio: 'inherit' })
program.once('exit', (code) => process.exit(code ?? 1))
