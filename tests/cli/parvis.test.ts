import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { commands } from '../../cli/commands.ts'
import { makeIngestFile } from '../support/readings.ts'
import { makeFolder } from '../support/registry.ts'

const root = join(import.meta.dirname, '..', '..')

let dataDir: string

beforeEach(() => {
  dataDir = join(makeFolder(), 'data')
})

type Outcome = { code: number; stdout: string; stderr: string }

function run(file: string, args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  return new Promise((resolve) =>
    execFile(
      file,
      [...args],
      {
        cwd: root,
        env: { PATH: process.env.PATH, HOME: process.env.HOME, PARVIS_DATA_DIR: dataDir, ...env },
        maxBuffer: 1 << 28,
      },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    ),
  )
}

const parvis = (...args: string[]) => run(process.execPath, ['--import', './runtime.js', 'cli/parvis.ts', ...args])

/** Runs a command that has to succeed, and reads its one document. */
async function json(...args: string[]) {
  const { code, stdout, stderr } = await parvis(...args, '--json')
  expect([args[0], code, stderr]).toEqual([args[0], 0, ''])
  return JSON.parse(stdout)
}

test('a device from its registration to its revocation', async () => {
  const added = await json('device', 'add', 'd-1', '--model', 'generic-json', '--label', 'Sonde')
  expect(added).toEqual({ id: 'd-1', secret: expect.stringMatching(/^[\w-]{43}$/) })
  expect(await json('device', 'add', 'd-2', '--model', 'generic-json', '--secret', 'a secret of a person')).toEqual({
    id: 'd-2',
    secret: 'a secret of a person',
  })
  expect(
    await json(
      'asset',
      'add',
      'bin-1',
      '--kind',
      'waste_container',
      '--label',
      'Bac',
      '--lat',
      '47.7',
      '--lon',
      '-1.5',
    ),
  ).toMatchObject({
    id: 'bin-1',
    kind: 'waste_container',
    label: 'Bac',
    latitude: 47.7,
    longitude: -1.5,
    lifeCycle: 'in_service',
  })
  const installation = await json('install', 'd-1', 'bin-1', '--at', '2026-03-01T09:00:00+01:00')
  expect(installation).toEqual({
    id: expect.any(String),
    calibration: null,
    recordedAt: expect.any(String),
    deviceId: 'd-1',
    assetId: 'bin-1',
    channel: null,
    installedAt: '2026-03-01T08:00:00.000Z',
    removedAt: null,
  })
  expect(await json('swap', 'd-1', 'd-2', '--at', '2026-04-01T00:00:00Z')).toMatchObject({
    deviceId: 'd-2',
    assetId: 'bin-1',
    installedAt: '2026-04-01T00:00:00.000Z',
  })
  expect(await json('uninstall', 'd-2', '--at', '2026-05-01T00:00:00Z')).toMatchObject({
    deviceId: 'd-2',
    removedAt: '2026-05-01T00:00:00.000Z',
  })
  expect(await json('device', 'revoke', 'd-1')).toMatchObject({ id: 'd-1', lifeCycle: 'revoked' })
  const { items } = await json('device', 'list')
  expect(items.map((each: { id: string; lifeCycle: string }) => [each.id, each.lifeCycle])).toEqual([
    ['d-1', 'revoked'],
    ['d-2', 'active'],
  ])
  expect((await json('asset', 'list', '--q', 'bac')).items).toHaveLength(1)
})

test('meters, profiles and files', async () => {
  await json('asset', 'add', 'meter-1', '--kind', 'energy_meter', '--label', 'Compteur')
  const what = ['--quantity', 'energy_active_import', '--kind', 'reading']
  await json('index', 'add', 'meter-1', ...what, '--value', '1000', '--at', '2026-03-01T00:00:00Z')
  expect(
    await json('index', 'add', 'meter-1', ...what, '--value', '3400', '--at', '2026-03-02T00:00:00Z'),
  ).toMatchObject({ at: '2026-03-02T00:00:00.000Z', value: 3400, supersededAt: null })
  const span = ['--from', '2026-03-01T00:00:00Z', '--to', '2026-03-02T00:00:00Z', '--zone', 'UTC']
  const { items, unit } = await json('consumption', 'meter-1', ...span)
  expect([unit, items]).toEqual(['Wh', [expect.objectContaining({ value: 2400, missing: 0 })]])

  const [mapping, file] = [join(dataDir, 'mapping.json'), join(dataDir, 'elsewhere.csv')]
  writeFileSync(mapping, JSON.stringify({ columns: { id: 'Matricule', label: 'Nom' }, defaults: { kind: 'bench' } }))
  writeFileSync(file, 'Matricule;Nom\nB-1;Banc\n')
  await json('profile', 'save', 'gmao', mapping)
  expect(await json('asset', 'import', file, '--mapping', 'gmao')).toMatchObject({ created: 1 })
  const { stdout } = await parvis('export', 'assets', '--kind', 'bench')
  expect(stdout.split('\n').slice(1)).toEqual([expect.stringMatching(/^B-1,bench,Banc,/), ''])
})

test('tokens and integrations', async () => {
  const { id, token } = await json('token', 'create', '--role', 'viewer', '--name', 'Pages')
  expect(token).toMatch(/^parvis_/)
  const listed = await parvis('token', 'list', '--json')
  expect(listed.stdout).not.toContain(token)
  expect((await json('token', 'revoke', id)).revokedAt).toMatch(/Z$/)
  expect(
    await json('integration', 'add', 'net', '--format', 'chirpstack-v4', '--topics', 'application/#, b/+'),
  ).toEqual({
    name: 'net',
    secret: expect.stringMatching(/^[\w-]{43}$/),
  })
  expect((await json('integration', 'list')).items[0].topics).toEqual(['application/#', 'b/+'])
  expect((await json('integration', 'revoke', 'net')).revokedAt).toMatch(/Z$/)
})

test('accounts, whose passwords only their people choose', async () => {
  const added = await json(
    'account',
    'add',
    'lea',
    '--name',
    'Léa',
    '--role',
    'viewer',
    '--services',
    'Voirie, Propreté',
  )
  expect(added).toMatchObject({ login: 'lea', role: 'viewer', services: ['Voirie', 'Propreté'], passwordSetAt: null })
  expect(added.link).toMatch(/^http:\/\/127\.0\.0\.1:8080\/#link=[\w-]{43}$/)
  const reset = await json('account', 'reset', 'LEA')
  expect(reset.link).not.toBe(added.link)
  expect((await json('account', 'disable', 'lea')).disabledAt).toMatch(/Z$/)
  expect((await json('account', 'enable', 'lea')).disabledAt).toBeNull()
  const { items } = await json('account', 'list')
  expect(items).toMatchObject([{ id: added.id, login: 'lea', disabledAt: null, linkExpiresAt: null }])
  expect((await parvis('account', 'reset', 'nobody')).code).toBe(1)
})

test('a refusal is exit code 1 and a problem document on stderr, nothing on stdout', async () => {
  await json('device', 'add', 'd-1', '--model', 'generic-json')
  const refused = await parvis('device', 'add', 'd-1', '--model', 'generic-json', '--json')
  expect([refused.code, refused.stdout]).toEqual([1, ''])
  expect(JSON.parse(refused.stderr)).toEqual({
    type: 'urn:parvis:problem:already_exists',
    title: 'Cet identifiant est déjà pris',
    status: 409,
    code: 'already_exists',
    detail: 'd-1',
  })
  const text = await parvis('device', 'add', 'd-1', '--model', 'generic-json')
  expect([text.code, text.stderr]).toEqual([1, 'Cet identifiant est déjà pris : d-1\n'])
})

test('wrong usage is exit code 2', async () => {
  const wrong = [
    ['device', 'add', 'd-1'],
    ['device', 'add', '--model', 'generic-json'],
    ['device', 'list', '--limit', '0'],
    ['device', 'list', '--nothing'],
    ['install', 'a'],
    ['install', 'a', 'b', '--at', '2026-03-01'],
    ['token', 'create', '--role', 'owner'],
    ['export', 'readings', '--format', 'xml'],
    ['device', 'import', join(root, 'no-such-file.csv')],
    ['nothing'],
    ['device'],
  ]
  const outcomes = await Promise.all(wrong.map((args) => parvis(...args, '--json')))
  for (const [i, { code, stdout, stderr }] of outcomes.entries()) {
    const args = wrong[i]
    expect([args, code, stdout]).toEqual([args, 2, ''])
    expect(JSON.parse(stderr).code).toBe('bad_request')
  }
  // What is wrong is said in words, in the language of the reader, also where node:util or the network says it.
  const told = [
    [['device', 'add', 'd-1'], 'fr', 'il manque --model'],
    [['device', 'add', 'd-1', '--modle', 'm'], 'fr', 'option inconnue : --modle'],
    [['device', 'add', 'd-1', '--model'], 'en', 'the value of --model is missing'],
    [['token', 'create', '--role', 'owner'], 'en', 'does not take "owner"'],
  ] as const
  const ask = (args: readonly string[], language: string) =>
    run(process.execPath, ['cli/parvis.ts', ...args], { PARVIS_LANG: language })
  const answers = await Promise.all(told.map(([args, language]) => ask(args, language)))
  for (const [i, [, , text]] of told.entries()) expect(answers[i]!.stderr).toContain(text)
  const setting = await run(process.execPath, ['cli/parvis.ts', 'device', 'list'], { PARVIS_DATADIR: 'x' })
  expect([setting.code, setting.stderr]).toEqual([2, expect.stringContaining('PARVIS_DATADIR')])
})

test('help in the language of PARVIS_LANG', async () => {
  const french = await run(process.execPath, ['cli/parvis.ts', '--help'])
  expect([french.code, french.stdout]).toEqual([0, expect.stringContaining('Commandes :')])
  const english = await run(process.execPath, ['cli/parvis.ts', 'install', '--help'], { PARVIS_LANG: 'en' })
  expect([english.code, english.stdout]).toEqual([0, expect.stringContaining('Records that a device is on an asset')])
  expect((await run(process.execPath, ['cli/parvis.ts'])).code).toBe(2)
})

test('every option of every verb is described in both languages', () => {
  for (const [name, command] of commands) {
    expect([name, command.usage.startsWith(name)]).toEqual([name, true])
    for (const option of Object.keys(command.options))
      expect([name, option, command.optionTexts?.[option]?.fr, command.optionTexts?.[option]?.en]).toEqual([
        name,
        option,
        expect.any(String),
        expect.any(String),
      ])
  }
})

test('files are imported, and judged without writing', async () => {
  const folder = makeFolder()
  mkdirSync(dataDir, { recursive: true })
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const assets = write('assets.csv', 'id;kind;label\na;bench;Banc\nb;bench;Banc\n')
  expect(await json('asset', 'import', assets, '--dry-run')).toMatchObject({ dryRun: true, created: 2 })
  expect(await json('asset', 'import', assets)).toMatchObject({ dryRun: false, created: 2 })
  const devices = write('devices.csv', 'id,model,assetId\nd-1,generic-json,a\nd-2,generic-json,\n')
  const outcome = await json('device', 'import', devices)
  expect(outcome).toMatchObject({ created: 2, installed: 1 })
  expect(outcome.devices).toHaveLength(2)
  const bad = await parvis('device', 'import', devices)
  expect([bad.code, bad.stdout]).toEqual([1, ''])
  expect(bad.stderr).toContain('line 2, id : d-1 est déjà pris')
  const profile = write(
    'profile.json',
    '{"columns":{"id":"n","kind":"k","label":"l"},"values":{"kind":{"Banc":"bench"}}}',
  )
  const other = write('other.csv', 'n,k,l\nc,Banc,Banc public\n')
  expect((await json('asset', 'import', other, '--mapping', profile)).created).toBe(1)
  expect((await parvis('asset', 'import', other, '--mapping', other)).code).toBe(2)
})

test('readings are exported exactly as they are stored', async () => {
  const { hear } = makeIngestFile(dataDir)
  const start = Date.UTC(2026, 0, 1)
  const values = [0.1 + 0.2, 1e15, -40.25, 5e-324]
  for (const [i, value] of values.entries())
    await hear({ deviceId: '=d', channel: i === 0 ? '1' : '', quantity: 'active_power', value, observedAt: start + i })
  await hear({ deviceId: 'e', quantity: 'active_power', value: 1, observedAt: start })
  const lines = (text: string) => text.trimEnd().split('\n')
  const all = await parvis('export', 'readings')
  expect(lines(all.stdout)).toHaveLength(5)
  const one = await parvis('export', 'readings', '--device', '=d', '--from', '2026-01-01T00:00:00.001Z')
  const parsed = lines(one.stdout).map((line) => JSON.parse(line))
  expect(parsed.map((each) => each.value)).toEqual(values.slice(1))
  expect(parsed[0]).toEqual({
    deviceId: '=d',
    channel: '',
    quantity: 'active_power',
    value: 1e15,
    observedAt: '2026-01-01T00:00:00.001Z',
  })
  const csv = await parvis(
    'export',
    'readings',
    '--device',
    '=d',
    '--to',
    '2026-01-01T00:00:00.001Z',
    '--format',
    'csv',
  )
  expect(csv.stdout).toBe(
    `deviceId,channel,quantity,value,observedAt\n'=d,1,active_power,0.30000000000000004,2026-01-01T00:00:00.000Z\n`,
  )
})

test('a folder without readings exports nothing', async () => {
  // Whoever wrote the name of the folder wrongly is told that it is a new one.
  const stderr = `nouveau dossier de données, selon PARVIS_DATA_DIR : ${dataDir}\nrien à montrer\n`
  expect(await parvis('device', 'list')).toEqual({ code: 0, stdout: '', stderr })
  expect(await parvis('export', 'readings')).toEqual({ code: 0, stdout: '', stderr: '' })
})

test('the npm script runs it', async () => {
  const { code, stdout } = await run('npm', [
    'run',
    '--silent',
    'parvis',
    '--',
    'device',
    'add',
    'd',
    '--model',
    'linky-tic',
    '--json',
  ])
  expect([code, JSON.parse(stdout).id]).toEqual([0, 'd'])
})
