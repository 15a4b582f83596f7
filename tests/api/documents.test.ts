import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { maxDocumentBytes } from '../../domain/document.ts'
import { addAsset } from '../../inventory/assets.ts'
import { checkAudit } from '../../inventory/audit-check.ts'
import { addDocument, checkDocuments } from '../../inventory/documents.ts'
import { documentFile } from '../../store/document-files.ts'
import { openTestApi, type TestApi } from '../support/api.ts'
import { refusal } from '../support/registry.ts'

// One white pixel, and the least that readers take for the others.
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4//8/AwAI/AL+p5qgoAAAAABJRU5ErkJggg==',
  'base64',
)
const jpeg = Buffer.concat([Buffer.from('ffd8ffe000104a46494600010100000100010000', 'hex'), Buffer.from('ffd9', 'hex')])
const pdf = Buffer.from('%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n')
const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
const html = Buffer.from('<!doctype html><script>alert(1)</script>')
const program = Buffer.concat([Buffer.from('7f454c46020101', 'hex'), Buffer.alloc(64)])

let api: TestApi

beforeAll(async () => {
  api = await openTestApi()
  for (const id of ['bin-1', 'bin-2']) await addAsset(api.access, { id, kind: 'waste_container', label: id })
})

afterAll(() => api.close())

const type = { 'content-type': 'application/octet-stream' }
const add = (bytes: Buffer, query = '', asset = 'bin-1', headers: object = type) =>
  api.call('technician', 'POST', `/assets/${asset}/documents${query}`, bytes, headers)

async function readContent(id: string, headers: Record<string, string> = {}) {
  return api.app.inject({
    url: `/api/v1/assets/bin-1/documents/${id}/content`,
    headers: { authorization: `Bearer ${api.tokens.viewer}`, ...headers },
  })
}

describe('a document', () => {
  it('is added as bytes, listed, read as it was given, and removed with its file', async () => {
    const { status, body, headers } = await add(png, '?name=face.png&caption=Vue%20de%20face')
    expect([status, headers.location]).toEqual([201, `/api/v1/assets/bin-1/documents/${body.id}`])
    expect(body).toMatchObject({ kind: 'photo', name: 'face.png', mediaType: 'image/png', caption: 'Vue de face' })
    expect(body).toMatchObject({ assetId: 'bin-1', bytes: png.length, createdBy: 'a technician' })
    const one = await api.call('viewer', 'GET', `/assets/bin-1/documents/${body.id}`)
    expect(one.body).toEqual(body)
    const other = (await add(pdf, '?name=notice.pdf')).body
    expect(other).toMatchObject({ kind: 'document', mediaType: 'application/pdf' })
    const list = await api.call('viewer', 'GET', '/assets/bin-1/documents')
    expect(list.body).toEqual({ items: [other, body], next: null })
    const photos = await api.call('viewer', 'GET', '/assets/bin-1/documents?kind=photo')
    expect(photos.body.items).toEqual([body])

    const content = await readContent(body.id)
    expect([content.statusCode, content.rawPayload.equals(png)]).toEqual([200, true])
    const path = documentFile(api.config.PARVIS_DATA_DIR, body.id)
    expect(readFileSync(path).equals(png)).toBe(true)
    expect((await api.call('technician', 'DELETE', `/assets/bin-1/documents/${body.id}`)).status).toBe(204)
    expect(existsSync(path)).toBe(false)
    expect((await readContent(body.id)).statusCode).toBe(404)
    expect((await api.call('technician', 'DELETE', `/assets/bin-1/documents/${body.id}`)).status).toBe(404)
    const history = await api.call('viewer', 'GET', '/assets/bin-1/history')
    const told = history.body.items.map((each: { kind: string; after: object | null }) => [
      each.kind,
      each.after !== null,
    ])
    expect(told).toEqual([
      ['document', false],
      ['document', true],
      ['document', true],
      ['asset', true],
    ])
    expect((await checkAudit(api.access)).found).toEqual([])
  })

  it('is served so that nothing of it runs: images shown, anything else an attachment', async () => {
    const shown = await readContent((await add(jpeg, '?name=a%22b.jpg')).body.id)
    expect(shown.headers).toMatchObject({
      'content-type': 'image/jpeg',
      'content-disposition': `inline; filename*=UTF-8''a%22b.jpg`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringMatching(/^default-src 'none';.*sandbox/),
      'cache-control': 'private, no-cache',
    })
    const text = await readContent((await add(html, '?name=page.txt')).body.id)
    expect(text.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'content-disposition': expect.stringMatching(/^attachment;/),
      'x-content-type-options': 'nosniff',
    })
    const kept = await readContent((await add(pdf, '?name=été.pdf')).body.id)
    expect(kept.headers['content-disposition']).toBe(`attachment; filename*=UTF-8''%C3%A9t%C3%A9.pdf`)
    const { id } = (await add(png)).body
    const again = await readContent(id, { 'if-none-match': '"other"' })
    expect(again.statusCode).toBe(200)
    const same = await readContent(id, { 'if-none-match': String(again.headers.etag) })
    expect([same.statusCode, same.body]).toEqual([304, ''])
  })

  it('is what its content says, whatever its name and its type say', async () => {
    for (const [bytes, name] of [
      [svg, 'logo.svg'],
      [svg, 'logo.png'],
      [html, 'page.html'],
      [html, 'photo.jpg'],
      [program, 'photo.jpg'],
      [Buffer.from([0, 1, 2]), 'notes.txt'],
      [Buffer.alloc(0), 'photo.png'],
    ] as const) {
      const { status, body } = await add(bytes, `?name=${name}`, 'bin-1', { 'content-type': 'image/png' })
      expect([name, status, body.code]).toEqual([name, 415, 'unsupported_media_type'])
    }
    expect((await add(jpeg, '?name=..%2F..%2Fetc%2Fphoto.exe')).body.name).toBe('photo.exe.jpg')
    expect((await add(pdf, '?kind=photo')).body).toMatchObject({ code: 'unsupported_media_type' })
    expect((await add(png, '?kind=document&name=plan.PNG')).body).toMatchObject({ kind: 'document', name: 'plan.PNG' })
    expect((await add(png)).body.name).toBe('photo.png')
  })

  it('has a largest size, and all of them together', async () => {
    const large = Buffer.concat([png, Buffer.alloc(maxDocumentBytes)])
    expect((await add(large)).body).toMatchObject({ status: 413, code: 'payload_too_large' })
    const before = countFiles()
    expect(await refusal(addDocument(api.access, 'bin-2', png, {}, png.length - 1))).toBe('documents_full')
    expect(countFiles()).toBe(before)
    await addDocument(api.access, 'bin-2', png, {}, 1e6)
    expect(await refusal(addDocument(api.access, 'bin-2', large, {}, 1e12))).toBe('payload_too_large')
  })

  it('belongs to an asset that exists, and holds it', async () => {
    expect((await add(png, '', 'nothing')).body).toMatchObject({ status: 404, code: 'not_found' })
    expect((await add(png, '?colour=red')).body.code).toBe('bad_request')
    const { body } = await add(png, '', 'bin-2')
    expect((await api.call('viewer', 'GET', `/assets/bin-1/documents/${body.id}`)).status).toBe(404)
    expect((await api.call('manager', 'DELETE', '/assets/bin-2')).body.code).toBe('in_use')
    for (const { id } of (await api.call('viewer', 'GET', '/assets/bin-2/documents')).body.items)
      await api.call('technician', 'DELETE', `/assets/bin-2/documents/${id}`)
    expect((await api.call('manager', 'DELETE', '/assets/bin-2')).status).toBe(204)
  })

  it('whose file is lost or changed is found', async () => {
    expect(await checkDocuments(api.access)).toEqual([])
    const [first, second] = [(await add(png, '?name=lost.png')).body, (await add(png, '?name=changed.png')).body]
    rmSync(documentFile(api.config.PARVIS_DATA_DIR, first.id))
    writeFileSync(documentFile(api.config.PARVIS_DATA_DIR, second.id), jpeg)
    expect(await checkDocuments(api.access)).toEqual([
      expect.stringMatching(/lost\.png.*missing/),
      expect.stringMatching(/changed\.png.*changed/),
    ])
    expect((await readContent(first.id)).statusCode).toBe(404)
  })
})

function countFiles(): number {
  return readdirSync(join(api.config.PARVIS_DATA_DIR, 'documents'), { recursive: true, withFileTypes: true }).filter(
    (each) => each.isFile(),
  ).length
}
