import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')

// Which rooms a room may import; packages are named where a room may take only some. main.ts and thread.ts compose.
const composition = ['broker', 'ingest', 'api', 'inventory', 'store', 'devices', 'domain', 'config.ts']
const role = ['inventory', 'store', 'devices', 'domain', 'config.ts']
const rule: Record<string, { rooms: string[]; packages?: string[] }> = {
  'main.ts': { rooms: [...composition, 'thread.ts'] },
  'thread.ts': { rooms: [] },
  cli: { rooms: [...composition, 'simulators', 'dashboards/grafana'] },
  broker: { rooms: role },
  ingest: { rooms: role },
  api: { rooms: role },
  inventory: { rooms: ['store', 'devices', 'domain'] },
  store: { rooms: ['domain'] },
  devices: { rooms: ['domain'] },
  simulators: { rooms: ['devices', 'domain'] },
  domain: { rooms: [], packages: ['zod'] },
  'config.ts': { rooms: [], packages: ['zod'] },
  'dashboards/grafana': { rooms: ['domain'], packages: ['zod', '@grafana/grafana-foundation-sdk'] },
  'dashboards/web': { rooms: ['domain'] },
}

const importPattern = /^(?:import|export|\}).*\bfrom '([^'\n]+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm

function roomOf(file: string): string {
  return file.split('/', file.startsWith('dashboards/') ? 2 : 1).join('/')
}

function listImports(file: string): string[] {
  return [...readFileSync(join(root, file), 'utf8').matchAll(importPattern)].map(
    (match) => (match[1] ?? match[2] ?? match[3])!,
  )
}

const files = globSync('**/*.{ts,svelte}', {
  cwd: root,
  exclude: (name) => ['node_modules', 'dist', 'data'].includes(name.split('/')[0]!),
}).filter((file) => Object.hasOwn(rule, roomOf(file)) && !/\.config\.(ts|js)$/.test(file))

test('every room imports only the rooms below it', () => {
  expect(files.length).toBeGreaterThan(100)
  const wrong: string[] = []
  for (const file of files) {
    const room = roomOf(file)
    const { rooms, packages } = rule[room]!
    for (const name of listImports(file)) {
      if (name.startsWith('.')) {
        const target = roomOf(normalize(join(dirname(file), name)))
        if (target !== room && !rooms.includes(target)) wrong.push(`${file} imports ${name}`)
      } else if (
        packages !== undefined &&
        !name.startsWith('node:') &&
        !packages.some((each) => `${name}/`.startsWith(`${each}/`))
      )
        wrong.push(`${file} imports ${name}`)
    }
  }
  expect(wrong).toEqual([])
})

test('no file only passes on what others export', () => {
  expect(files.filter((file) => file.endsWith('/index.ts'))).toEqual([])
})
