import { afterAll, describe, expect, test } from 'vitest'
import { openScriptPool, poolLimits } from '../../devices/scripts/pool.ts'
import { compileQuickJs, type Operation, openSandbox } from '../../devices/scripts/sandbox.ts'
import { freshCodec, hostileCodecs, makePool } from '../support/codecs.ts'

const receivedAt = Date.UTC(2026, 2, 1, 8)
const uplink = { bytes: [0, 215], fPort: 2, recvTime: receivedAt }

let names = 0
function task(source: string, operation: Operation = 'decodeUplink', input: object = uplink, id = `codec ${names++}`) {
  return { script: { id, source }, operation, input, receivedAt }
}

describe('a sandbox', async () => {
  const sandbox = await openSandbox(compileQuickJs())
  const run = async (source: string, operation: Operation = 'decodeUplink', input: object = uplink) => {
    const outcome = await sandbox.run({ id: source, source }, operation, input, receivedAt)
    return outcome.ok ? outcome.answer : outcome
  }

  test.each([
    ['TS013', 'function decodeUplink(input) { return { data: { a: input.bytes[1], port: input.fPort } } }'],
    ['a constant', 'const decodeUplink = (input) => ({ data: { a: input.bytes[1], port: input.fPort } })'],
    ['exports', 'exports.decodeUplink = (input) => ({ data: { a: input.bytes[1], port: input.fPort } })'],
    ['module.exports', 'module.exports = { decodeUplink: (i) => ({ data: { a: i.bytes[1], port: i.fPort } }) }'],
    ['driver', 'var driver = { decodeUplink: (input) => ({ data: { a: input.bytes[1], port: input.fPort } }) }'],
    [
      'a bundle',
      '!function(e,t){"object"==typeof exports&&"object"==typeof module?module.exports=t():e.driver=t()}(this,(()=>({driver:{decodeUplink:i=>({data:{a:i.bytes[1],port:i.fPort}})}})));',
    ],
    ['TTN v2', 'function Decoder(bytes, port) { return { a: bytes[1], port: port } }'],
    ['ChirpStack v3', 'function Decode(fPort, bytes) { return { a: bytes[1], port: fPort } }'],
    [
      'an async function',
      'async function decodeUplink(i) { await null; return { data: { a: i.bytes[1], port: i.fPort } } }',
    ],
    [
      'its own console',
      'let console = 1, module = 2; function decodeUplink(i) { return { data: { a: i.bytes[1], port: i.fPort } } }',
    ],
  ])('knows the dialect %s', async (_, source) => {
    expect(await run(source)).toEqual({ data: { a: 215, port: 2 } })
  })

  test('encodes downlinks in every dialect', async () => {
    const input = { data: { level: 7 }, fPort: 3 }
    expect(
      await run('function encodeDownlink(i) { return { bytes: [i.data.level], fPort: 9 } }', 'encodeDownlink', input),
    ).toEqual({ bytes: [7], fPort: 9 })
    expect(
      await run('function encodeDownlink(d) { return { bytes: [d.level] } }', 'encodeDownlink', {
        ...input,
        bare: true,
      }),
    ).toEqual({ bytes: [7] })
    expect(await run('function Encoder(data, port) { return [data.level, port] }', 'encodeDownlink', input)).toEqual({
      bytes: [7, 3],
    })
    expect(await run('function Encode(port, data) { return [data.level, port] }', 'encodeDownlink', input)).toEqual({
      bytes: [7, 3],
    })
  })

  test('gives recvTime as a Date, and a clock that stands at the reception', async () => {
    const source =
      'function decodeUplink(i) { return { data: { a: i.recvTime.getTime(), b: i.recvTime, c: Date.now(), d: new Date(2026, 0, 1) } } }'
    expect(await run(source)).toEqual({
      data: { a: receivedAt, b: '2026-03-01T08:00:00.000Z', c: receivedAt, d: '2026-01-01T00:00:00.000Z' },
    })
  })

  test('has Buffer, console, variables and context as the networks do', async () => {
    expect(
      await run('function decodeUplink(i) { console.log(1); return { data: Buffer.from(i.bytes).readUInt16BE(0) } }'),
    ).toEqual({ data: 215 })
    expect(
      await run('function decodeUplink(i) { return { data: i.variables.k } }', 'decodeUplink', {
        ...uplink,
        variables: { k: 'v' },
      }),
    ).toEqual({ data: 'v' })
    const source = 'function decodeUplink(i) { context.push(i.bytes[1]); return { data: { n: context.length } } }'
    const outcome = await sandbox.run(
      { id: source, source },
      'decodeUplink',
      { ...uplink, context: [1, 2] },
      receivedAt,
    )
    expect(outcome).toEqual({ ok: true, answer: { data: { n: 3 } }, context: [1, 2, 215] })
  })

  test('answers in JSON: no NaN, no undefined, no -0', async () => {
    expect(await run('function decodeUplink() { return { data: { a: NaN, b: undefined, c: -0, d: 1 / 0 } } }')).toEqual(
      { data: { a: null, c: 0, d: null } },
    )
  })

  test('says what is wrong with a codec', async () => {
    expect(await run('function (')).toEqual({ ok: false, kind: 'error', error: 'SyntaxError: function name expected' })
    expect(await run('var a')).toEqual({
      ok: false,
      kind: 'error',
      error: 'Error: the codec has no function decodeUplink',
    })
    expect(await run('function decodeUplink() { throw new RangeError("no") }')).toEqual({
      ok: false,
      kind: 'error',
      error: 'RangeError: no',
    })
  })

  test('is as new for every run, also after its memory had grown', async () => {
    const grow = 'function decodeUplink() { return { data: new Uint8Array(8e6).length } }'
    for (let i = 0; i < 3; i++) {
      expect(await run(freshCodec)).toEqual({ data: { runs: 1, temperature: 21.5 } })
      expect(await run(grow)).toEqual({ data: 8e6 })
    }
  })
})

describe('a pool', () => {
  const shared = openScriptPool({ log: () => {} })
  afterAll(() => shared.close())

  test.each(Object.entries(hostileCodecs))('ends %s, and the next decode is right', async (_, { source, kind }) => {
    expect(await shared.run(task(freshCodec))).toMatchObject({
      ok: true,
      answer: { data: { runs: 1, temperature: 21.5 } },
    })
    expect(await shared.run(task(source))).toMatchObject({ ok: false, kind })
    expect(await shared.run(task(freshCodec))).toMatchObject({
      ok: true,
      answer: { data: { runs: 1, temperature: 21.5 } },
    })
  })

  test('suspends a codec that timed out five times running, and not its mended version', async () => {
    const pool = makePool()
    const source = hostileCodecs['an endless loop']!.source
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () => pool.run(task(source, 'decodeUplink', uplink, 'bad'))),
    )
    expect(outcomes.map((each) => each.ok || each.kind)).toEqual([
      ...Array.from({ length: poolLimits.strikes }, () => 'timeout'),
      ...Array.from({ length: 3 }, () => 'suspended'),
    ])
    expect(pool.isSuspended('bad')).toBe(true)
    expect(pool.counters.runs).toBe(poolLimits.strikes)
    expect(await pool.run(task(freshCodec, 'decodeUplink', uplink, 'mended'))).toMatchObject({ ok: true })
  })

  test('a codec that answers is not held up by others that hang', async () => {
    const pool = makePool()
    await pool.run(task(freshCodec, 'decodeUplink', uplink, 'good'))
    let left = 10
    const hostile = Array.from({ length: left }, (_, i) =>
      pool
        .run(task(hostileCodecs['a native call without end']!.source, 'decodeUplink', uplink, `bad ${i}`))
        .then(() => left--),
    )
    // All of these come to their end while the first of those hang.
    for (let i = 0; i < 20; i++)
      expect(await pool.run(task(freshCodec, 'decodeUplink', uplink, 'good'))).toMatchObject({ ok: true })
    expect(left).toBeGreaterThan(0)
    await Promise.all(hostile)
    expect(pool.counters.timeouts).toBe(10)
  })

  test('runs the tasks of a codec in their order', async () => {
    const pool = makePool()
    const source = 'function decodeUplink(input) { return { data: input.bytes[0] } }'
    const seen: unknown[] = []
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        pool
          .run(task(source, 'decodeUplink', { bytes: [i] }, 'one'))
          .then((outcome) => seen.push(outcome.ok && (outcome.answer as { data: number }).data)),
      ),
    )
    expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => i))
  })

  test('closing it answers what still waits', async () => {
    const pool = makePool()
    const waiting = pool.run(task(hostileCodecs['an endless loop']!.source))
    await pool.close()
    expect(await waiting).toMatchObject({ ok: false, kind: 'error' })
  })
})
