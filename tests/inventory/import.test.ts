import { expect, test } from 'vitest'
import { type Problem, problemDocument } from '../../domain/problem.ts'
import { addAsset, getAsset, listAssets, removeAsset, updateAsset } from '../../inventory/assets.ts'
import { checkAudit } from '../../inventory/audit-check.ts'
import { addDevice, getDevice, listDevices, updateDevice } from '../../inventory/devices.ts'
import { importAssets } from '../../inventory/import-assets.ts'
import { importDevices } from '../../inventory/import-devices.ts'
import { previewImport } from '../../inventory/import-preview.ts'
import { getProfile, putProfile, removeProfile } from '../../inventory/import-profiles.ts'
import { listImports, undoImport } from '../../inventory/import-undo.ts'
import { listInstallations } from '../../inventory/installations.ts'
import { addIntegration } from '../../inventory/integrations.ts'
import { openAccess } from '../../store/access.ts'
import { readCredentials } from '../../store/credentials.ts'
import { verifySecret } from '../../store/secrets.ts'
import { makeAccess, refusal } from '../support/registry.ts'

async function errorsOf(promise: Promise<unknown>): Promise<[string, string][]> {
  const problem = (await promise.then(
    () => ({ errors: [] }),
    (error: unknown) => error,
  )) as Problem
  if (problem.errors === undefined) throw problem
  return problemDocument(problem, 'en').errors!.map(({ path, message }) => [path, message])
}

const assets = `id;kind;label;latitude;longitude;service;parentId;attributes.volumeL;attributes.code
lamp-1;street_light;Luminaire 1;47,75;7,34;Éclairage;cabinet-1;;
cabinet-1;cabinet;Armoire 1;;;Éclairage;;;007
bin-1;waste_container;Bac 1;47,7;7,3;Propreté;;1100,5;
`

test('assets are imported, children before their parents too', async () => {
  const access = await makeAccess()
  expect(await importAssets(access, assets, { dryRun: true })).toMatchObject({
    dryRun: true,
    created: 3,
    importId: null,
  })
  expect((await listAssets(access, { limit: 10 })).items).toEqual([])
  expect(await importAssets(access, Buffer.from(assets))).toMatchObject({ dryRun: false, created: 3 })
  expect(await getAsset(access, 'lamp-1')).toMatchObject({ latitude: 47.75, parentId: 'cabinet-1', attributes: {} })
  expect((await getAsset(access, 'bin-1')).attributes).toEqual({ volumeL: 1100.5 })
  expect((await getAsset(access, 'cabinet-1')).attributes).toEqual({ code: '007' })
})

test('every bad line of a file of assets is named, and nothing is imported', async () => {
  const access = await makeAccess()
  await importAssets(access, 'id,kind,label\nthere,bench,Banc\n')
  const file = `id,kind,label,latitude,longitude,parentId
ok,bench,Banc,,,
,bench,Banc,,,
kind,spaceship,Banc,,,
half,bench,Banc,47,,
number,bench,Banc,north,7,
there,bench,Banc,,,
ok,bench,Banc,,,
orphan,bench,Banc,,,nobody
x,bench,Banc,,,y
y,bench,Banc,,,x
short,bench
`
  const errors = await errorsOf(importAssets(access, file))
  expect(errors.map(([path]) => path)).toEqual([
    'line 3, id',
    'line 4, kind',
    'line 5, longitude',
    'line 6, latitude',
    'line 6, longitude',
    'line 8, id',
    'line 9, parentId',
    'line 10, parentId',
    'line 12',
  ])
  expect(await errorsOf(importAssets(access, file, { dryRun: true }))).toEqual(errors)
  expect((await listAssets(access, { limit: 10 })).items).toHaveLength(1)
})

test('devices are imported with their installations, and their secrets told once', async () => {
  const access = await makeAccess()
  await importAssets(access, assets)
  const file = `id,model,label,expectedIntervalS,assetId,installedAt,secret
d-1,generic-json,Sonde,900,bin-1,2026-03-01T08:00:00+01:00,
d-2,linky-tic,,,,,a secret of a person
`
  const outcome = await importDevices(access, file)
  expect(outcome).toMatchObject({ created: 2, installed: 1, dryRun: false })
  expect(outcome.devices.map((each) => each.id)).toEqual(['d-1', 'd-2'])
  expect(outcome.devices[1]!.secret).toBe('a secret of a person')
  const credentials = await readCredentials(access.registry, ['d-1', 'd-2'])
  for (const { id, secret } of outcome.devices)
    expect(await verifySecret(secret, credentials.get(id)!.secret)).toBe(true)
  expect(await getDevice(access, 'd-1')).toMatchObject({ expectedIntervalS: 900, lifeCycle: 'active' })
  expect((await listInstallations(access, { limit: 10 })).items).toMatchObject([
    { deviceId: 'd-1', assetId: 'bin-1', channel: null, installedAt: Date.UTC(2026, 2, 1, 7), removedAt: null },
  ])
})

test('every bad line of a file of devices is named, and nothing is imported', async () => {
  const access = await makeAccess()
  await addDevice(access, { id: 'taken', model: 'generic-json' })
  await addIntegration(access, { name: 'net', format: 'generic-json', topics: ['net/#'] })
  const file = `id,model,secret,assetId,installedAt
ok,generic-json,,,
a/b,generic-json,,,
model,nothing,,,
weak,generic-json,short,,
taken,generic-json,,,
net,generic-json,,,
ok,generic-json,,,
lost,generic-json,,nowhere,
time,generic-json,,nowhere,2026-03-01
where,generic-json,,,2026-03-01T08:00:00Z
`
  const errors = await errorsOf(importDevices(access, file))
  expect(errors.map(([path]) => path)).toEqual([
    'line 3, id',
    'line 4, model',
    'line 5, secret',
    'line 6, id',
    'line 7, id',
    'line 8, id',
    'line 9, assetId',
    'line 10, installedAt',
    'line 10, assetId',
    'line 11, assetId',
  ])
  expect((await listDevices(access, { limit: 10 })).items).toHaveLength(1)
})

test('a profile reads the file of another house', async () => {
  const access = await makeAccess()
  const file = 'Matricule;Nature;Désignation;Inconnu\nB1;Banc;Banc du parc;x\nB2;Abri;Abri du parc;y\n'
  const mapping = {
    columns: { id: 'Matricule', kind: 'Nature', label: 'Désignation' },
    defaults: { service: 'Espaces verts' },
    values: { kind: { Banc: 'bench', Abri: 'shelter' } },
  }
  await importAssets(access, file, { mapping })
  expect(await getAsset(access, 'B2')).toMatchObject({
    kind: 'shelter',
    label: 'Abri du parc',
    service: 'Espaces verts',
  })
  await expect(importAssets(access, file)).rejects.toThrow('unknown column "Matricule"')
  await expect(importAssets(access, file, { mapping: { columns: { id: 'Numéro' } } })).rejects.toThrow('no column')
  await expect(importAssets(access, file, { mapping: { columns: { colour: 'Nature' } } })).rejects.toThrow(
    'unknown field',
  )
})

test('a large file goes in one piece', async () => {
  const access = await makeAccess()
  const lines = Array.from({ length: 3000 }, (_, i) => `d-${i},generic-json`)
  const outcome = await importDevices(access, `id,model\n${lines.join('\n')}`)
  expect(outcome.created).toBe(3000)
  lines.push('d-2999,generic-json')
  expect(await errorsOf(importDevices(access, `id,model\n${lines.join('\n')}`))).toHaveLength(1000)
})

test('a file that comes again changes nothing; changes are told, and made when they are allowed', async () => {
  const access = await makeAccess()
  const first = await importAssets(access, assets)
  const { revision } = await access.registry.selectFrom('assets').select('revision').executeTakeFirstOrThrow()
  expect(await importAssets(access, assets)).toMatchObject({ created: 0, changed: 0, unchanged: 3, importId: null })
  const unchanged = await access.registry.selectFrom('assets').select('revision').execute()
  expect(new Set(unchanged.map((row) => row.revision))).toEqual(new Set([revision]))
  const file = 'id;label;acquiredOn;attributes.code\nbin-1;Bac 2;31/12/2024;\ncabinet-1;;;008\nlamp-1;Luminaire 1;;\n'
  expect(await refusal(importAssets(access, file))).toBe('changes_not_allowed')
  expect((await getAsset(access, 'bin-1')).label).toBe('Bac 1')
  expect(await errorsOf(importAssets(access, file))).toEqual([
    ['line 2, bin-1', 'label: "Bac 1" -> "Bac 2"; acquiredOn: null -> "2024-12-31"'],
    ['line 3, cabinet-1', 'attributes: {"code":"007"} -> {"code":"008"}'],
  ])
  const second = await importAssets(access, file, { allowChanges: true })
  expect(second).toMatchObject({ created: 0, changed: 2, unchanged: 1 })
  expect(await getAsset(access, 'bin-1')).toMatchObject({ label: 'Bac 2', attributes: { volumeL: 1100.5 } })
  expect(await undoImport(access, second.importId!)).toEqual({ removed: 0, restored: 2 })
  expect(await getAsset(access, 'bin-1')).toMatchObject({ label: 'Bac 1', acquiredOn: null })
  expect(await refusal(undoImport(access, second.importId!))).toBe('changed_since')
  // The undoing is a change of its own: what it restored is not as the first file left it.
  expect(await refusal(undoImport(access, first.importId!))).toBe('changed_since')
})

test('an import is undone in one step, unless something changed since, which is named', async () => {
  const access = await makeAccess()
  const file = `id,kind,label,inventoryNumber,parentId,deviceId,deviceModel,installedAt
pole,street_light,Mât,N-1,,,,
lamp,street_light,Lampe,N-2,pole,d-1,generic-json,2026-01-01T00:00:00Z
`
  const { importId, installed, devices } = await importAssets(access, file)
  expect([installed, devices.map((each) => each.id)]).toEqual([1, ['d-1']])
  expect((await listInstallations(access, { limit: 10 })).items).toMatchObject([{ deviceId: 'd-1', assetId: 'lamp' }])
  expect(await importAssets(access, file)).toMatchObject({ unchanged: 2, installed: 0, importId: null })
  await addAsset(access, { id: 'sign', kind: 'sign', label: 'Panneau', parentId: 'pole' })
  await updateAsset(access, 'lamp', { label: 'Autre' })
  await expect(undoImport(access, importId!)).rejects.toThrow('such as lamp')
  await updateAsset(access, 'lamp', { label: 'Lampe' })
  expect(await refusal(undoImport(access, importId!))).toBe('changed_since')
  const again = await makeAccess()
  const other = await importAssets(again, file)
  await addAsset(again, { id: 'sign', kind: 'sign', label: 'Panneau', parentId: 'pole' })
  await expect(undoImport(again, other.importId!)).rejects.toThrow('such as pole')
  await removeAsset(again, 'sign')
  expect(await undoImport(again, other.importId!)).toEqual({ removed: 4, restored: 0 })
  expect((await listAssets(again, { limit: 10 })).items).toEqual([])
  expect((await listDevices(again, { limit: 10 })).items).toEqual([])
  expect(await importAssets(again, file)).toMatchObject({ created: 2, installed: 1 })
})

test('numbers that were used, devices without a model and moves that are not allowed are told by line', async () => {
  const access = await makeAccess()
  await addAsset(access, { id: 'old', kind: 'bench', label: 'Banc', inventoryNumber: 'N-1', lifeCycle: 'disposed' })
  const file = `id,kind,label,inventoryNumber,lifeCycle,deviceId,deviceModel,acquiredOn,attributes.seats
a,bench,Banc,N-1,,,,,
b,bench,Banc,N-2,,,,,
c,bench,Banc,N-2,,,,,
old,,,,in_service,,,,
e,bench,Banc,,,d-9,,,
f,bench,Banc,,,d-9,nothing,,
g,bench,Banc,,,,,2024,
h,bench,Banc,,,,,31.02.2024,
i,bench,Banc,,,,,,many
`
  const errors = await errorsOf(importAssets(access, file, { allowChanges: true }))
  expect(errors.map(([path]) => path)).toEqual([
    'line 2, inventoryNumber',
    'line 4, inventoryNumber',
    'line 5',
    'line 6, deviceModel',
    'line 7, deviceModel',
    'line 8, acquiredOn',
    'line 9, acquiredOn',
    'line 10, attributes.seats',
  ])
})

test('a template makes an id where a file has none, and a saved profile is used again', async () => {
  const access = await makeAccess()
  const mapping = {
    columns: { label: 'LibBien', acquiredOn: 'DtAcquiBien' },
    defaults: { kind: 'other' },
    templates: { id: 'lot-{Exer}-{#}' },
  }
  await putProfile(access, 'annexe', mapping)
  const file = Buffer.from('Exer;LibBien;DtAcquiBien\r\n2017;Écran plat;05/09/2014\r\n2018;Chaise;\r\n', 'latin1')
  const profile = await getProfile(access, 'annexe')
  expect(await importAssets(access, file, { mapping: profile.mapping })).toMatchObject({ created: 2 })
  expect(await getAsset(access, 'lot-2017-2')).toMatchObject({ label: 'Écran plat', acquiredOn: '2014-09-05' })
  await removeProfile(access, 'annexe')
  expect(await refusal(getProfile(access, 'annexe'))).toBe('not_found')
})

test('a file is understood before it is imported: columns and values by their names, and what lines become', async () => {
  const file = 'Identifiant;Désignation;Nature;Latitude;Note\nB1;Banc 1;Banc;47,75;x\nB2;;Soucoupe;haut;y\n'
  const preview = await previewImport('assets', Buffer.from(file, 'latin1'), undefined)
  expect(preview).toMatchObject({
    encoding: 'windows-1252',
    separator: ';',
    lineCount: 2,
    mapping: {
      columns: { id: 'Identifiant', label: 'Désignation', kind: 'Nature', latitude: 'Latitude' },
      values: { kind: { Banc: 'bench' } },
    },
  })
  expect(preview.columns.at(-1)).toEqual({ name: 'Note', values: ['x', 'y'], valueCount: 2 })
  expect(preview.lines[0]).toEqual({
    line: 2,
    fields: { id: 'B1', label: 'Banc 1', kind: 'bench', latitude: 47.75 },
    errors: [],
  })
  expect(preview.lines[1]!.errors.map(({ column }) => column)).toEqual(['latitude', 'kind'])
  const given = await previewImport('assets', file, { columns: { id: 'Identifiant' }, defaults: { kind: 'bench' } })
  expect(given.lines[0]!.fields).toEqual({ id: 'B1', kind: 'bench' })
  expect((await previewImport('devices', 'a,b\n1,2\n', undefined)).lines).toEqual([])
})

test('an import of devices is undone in one step, unless one of them was changed since', async () => {
  const access = await makeAccess()
  await importAssets(access, 'id,kind,label\nbin-1,waste_container,Bac\n')
  const file = 'id,model,assetId\np1,generic-json,bin-1\np2,generic-json,\n'
  expect(await importDevices(access, file, { dryRun: true })).toMatchObject({
    created: 2,
    installed: 1,
    importId: null,
  })
  const first = await importDevices(access, file)
  expect(first).toMatchObject({ created: 2, installed: 1, changed: 0 })
  expect(await undoImport(access, first.importId!)).toEqual({ removed: 3, restored: 0 })
  expect((await listDevices(access, { limit: 10 })).items).toEqual([])
  const second = await importDevices(access, file)
  await updateDevice(access, 'p2', { label: 'Sonde' })
  expect(await refusal(undoImport(access, second.importId!))).toBe('changed_since')
  expect((await listDevices(access, { limit: 10 })).items).toHaveLength(2)
  expect((await listImports(access)).map(({ kind, created }) => [kind, created])).toEqual([
    ['devices', 2],
    ['devices', 2],
    ['assets', 1],
  ])
})

test('who is limited to services sees and undoes imports of their own, and no others', async () => {
  const access = await makeAccess()
  const as = (id: string) => openAccess(access.registry, { kind: 'token', id, name: id }, { services: ['Propreté'] })
  const [mine, theirs] = [as('mine'), as('theirs')]
  const { importId } = await importAssets(mine, 'id,kind,label\nbin-1,waste_container,Bac\n')
  const all = await importAssets(access, 'id,kind,label\nbench-1,bench,Banc\n')
  expect((await listImports(mine)).map((each) => each.id)).toEqual([importId])
  expect(await listImports(theirs)).toEqual([])
  expect((await listImports(access)).map((each) => each.id)).toEqual([all.importId, importId])
  expect(await refusal(undoImport(theirs, importId!))).toBe('not_found')
  expect(await refusal(undoImport(mine, all.importId!))).toBe('not_found')
  expect(await undoImport(mine, importId!)).toEqual({ removed: 1, restored: 0 })
  expect((await listImports(mine))[0]!.undoneAt).not.toBeNull()
})

test('a spare that an import installed goes back to the shelf when it is undone', async () => {
  const access = await makeAccess()
  await addDevice(access, { id: 'spare', model: 'generic-json', lifeCycle: 'stored' })
  const { importId } = await importAssets(access, 'id,kind,label,deviceId\nbin-1,waste_container,Bac,spare\n')
  expect(await getDevice(access, 'spare')).toMatchObject({ lifeCycle: 'active' })
  expect(await undoImport(access, importId!)).toEqual({ removed: 2, restored: 1 })
  expect(await getDevice(access, 'spare')).toMatchObject({ lifeCycle: 'stored' })
  expect((await checkAudit(access)).found).toEqual([])
})

test('what is wrong with a line is told in both languages, and what to do', async () => {
  const access = await makeAccess()
  const problem = (await importAssets(
    access,
    'id,kind,latitude,longitude\na/b,tree,,\nx,spaceship,1,2\ny,tree,1,\nz,tree,97,2\n',
  ).catch((error: unknown) => error)) as Problem
  const french = problemDocument(problem, 'fr').errors!
  expect(french[0]).toEqual({
    path: 'line 2, id',
    line: 2,
    column: 'id',
    message: 'de 1 à 128 caractères, sans / + # ni caractère de contrôle',
  })
  const english = problemDocument(problem, 'en').errors!
  expect(english.map(({ line, column }) => [line, column])).toEqual(french.map(({ line, column }) => [line, column]))
  for (const [i, { message }] of french.entries()) expect(message).not.toBe(english[i]!.message)
})
