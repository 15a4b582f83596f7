import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openScriptPool, type ScriptPool } from '../../devices/scripts/pool.ts'

/** Threads for codecs, ended with the test. */
export function makePool(): ScriptPool {
  const pool = openScriptPool({ log: () => {} })
  onTestFinished(() => pool.close())
  return pool
}

/** Writes files into a folder, each by its path; what is no text becomes JSON. */
export function writeFiles(folder: string, files: Record<string, unknown>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content))
  }
}

/** A codec that answers what is right only in a context that nobody used before it. */
export const freshCodec = `
var runs = 0
function decodeUplink(input) {
  runs++
  if (Array.prototype.push.call([], 1) !== 1 || JSON.stringify({ a: 1 }) !== '{"a":1}' || ({}).polluted) throw new Error('dirty')
  return { data: { runs: runs, temperature: ((input.bytes[0] << 8) | input.bytes[1]) / 10 } }
}`

const hang = 'function decodeUplink(input) {'

/** Codecs as someone would write them who means harm, and what each run of them comes to. */
export const hostileCodecs: Readonly<Record<string, { source: string; kind: 'error' | 'timeout' }>> = {
  'an endless loop': { source: `${hang} while (true) {} }`, kind: 'timeout' },
  'an endless loop at its start': { source: 'while (true) {}', kind: 'timeout' },
  'an endless loop of microtasks': {
    source: `${hang} function again() { Promise.resolve().then(again) } again(); return { data: { temperature: 1 } } }`,
    kind: 'timeout',
  },
  'an asynchronous function without end': { source: `async ${hang} while (true) await null }`, kind: 'timeout' },
  'an answer that never comes': { source: `${hang} return new Promise(function () {}) }`, kind: 'error' },
  'a catastrophic regular expression': {
    source: `${hang} return { data: { a: /^(a+)+$/.test('a'.repeat(60) + '!') } } }`,
    kind: 'timeout',
  },
  'a native call without end': {
    source: `${hang} return { data: { a: 'a'.repeat(4e6).indexOf('a'.repeat(2e6) + 'b') } } }`,
    kind: 'timeout',
  },
  'memory without end': {
    source: `${hang} var all = []; while (true) all.push(new Uint8Array(1e6)) }`,
    kind: 'error',
  },
  'a string without end': { source: `${hang} var a = 'x'; while (true) a += a }`, kind: 'error' },
  'recursion without end': { source: `${hang} return decodeUplink(input) }`, kind: 'error' },
  'the host by a constructor': {
    source: `${hang} return { data: { a: this.constructor.constructor('return process')().exit(1) } } }`,
    kind: 'error',
  },
  'the host by its names': { source: `${hang} return { data: { a: require('fs') } } }`, kind: 'error' },
  'polluted prototypes': {
    source: `${hang} Object.prototype.polluted = 1; Array.prototype.push = JSON.stringify = null; globalThis.runs = 9; throw 1 }`,
    kind: 'error',
  },
  'an answer of 100 MB': { source: `${hang} return { data: { a: 'x'.repeat(100e6) } } }`, kind: 'error' },
  'an answer of 1.5 MB': { source: `${hang} return { data: { a: 'x'.repeat(1.5e6) } } }`, kind: 'error' },
  'a tampered call': { source: `globalThis.__parvisRun = function () { return 5 }`, kind: 'error' },
}
