import { createHash } from 'node:crypto'
import { createReadStream, type ReadStream } from 'node:fs'
import { mkdir, open, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/*
 * The files of documents, in the folder `documents` of the data folder, each under its document's id. They are written
 * once and never changed; what they are is told by the registry alone.
 */

/** Where the file of a document stands. The end of an id is random: it spreads the files over folders. */
export function documentFile(dataDir: string, id: string): string {
  if (!/^[0-9a-f-]{36}$/.test(id)) throw new Error(`${id} is no id of a document`)
  return join(dataDir, 'documents', id.slice(-2), id)
}

/** Writes a file; it is on disk when this resolves. */
export async function writeDocumentFile(dataDir: string, id: string, bytes: Uint8Array): Promise<void> {
  const path = documentFile(dataDir, id)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  const folder = await open(dirname(path))
  await folder.sync().finally(() => folder.close())
}

export async function removeDocumentFile(dataDir: string, id: string): Promise<void> {
  await rm(documentFile(dataDir, id), { force: true })
}

/** The bytes of a file, as a stream; null when it is not there. */
export async function readDocumentFile(dataDir: string, id: string): Promise<ReadStream | null> {
  const file = await open(documentFile(dataDir, id)).catch(() => null)
  return file === null ? null : file.createReadStream()
}

/** The size of a file and its SHA-256 in lower-case hexadecimal; null when it is not there. */
export async function hashDocumentFile(dataDir: string, id: string): Promise<{ bytes: number; sha256: string } | null> {
  const path = documentFile(dataDir, id)
  const found = await stat(path).catch(() => null)
  if (found === null) return null
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return { bytes: found.size, sha256: hash.digest('hex') }
}

/** Bytes that are free on the disk of the data folder. */
export async function readFreeBytes(dataDir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dataDir)
  return bavail * bsize
}
