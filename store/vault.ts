import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/*
 * The few secrets that Parvis has to show again: what an integration signs with, and what a bridge signs in with. They
 * stand in the registry sealed by AES-256-GCM (NIST SP 800-38D) under a key in the data folder, so that neither a copy of
 * the database nor a backup of it alone tells them. See docs/decisions/071-vault.md.
 */

const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16

export type Vault = {
  /** Seals a secret for one purpose, such as `integration lora`; it opens for that purpose only. */
  seal(secret: string, purpose: string): string
  /** Throws when the text was not sealed under this key for this purpose. */
  open(sealed: string, purpose: string): string
  /** A secret of this installation's own, the same each time: what its roles know each other by. */
  derive(purpose: string): string
}

/** Opens the vault of a data folder, making its key the first time. */
export function openVault(dataDir: string): Vault {
  const key = readKey(dataDir)
  return {
    seal(secret, purpose) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(purpose))
      const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
      return `v1$${Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url')}`
    },
    open(sealed, purpose) {
      const [version, encoded = ''] = sealed.split('$')
      const bytes = Buffer.from(encoded, 'base64url')
      if (version !== 'v1' || bytes.length < nonceBytes + tagBytes) throw new Error('this is no sealed secret')
      const tagAt = nonceBytes + tagBytes
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes))
        .setAAD(Buffer.from(purpose))
        .setAuthTag(bytes.subarray(nonceBytes, tagAt))
      return Buffer.concat([decipher.update(bytes.subarray(tagAt)), decipher.final()]).toString('utf8')
    },
    derive: (purpose) => createHmac('sha256', key).update(purpose).digest('base64url'),
  }
}

function keyFile(dataDir: string): string {
  return join(dataDir, 'vault.key')
}

function readKey(dataDir: string): Buffer {
  const file = keyFile(dataDir)
  try {
    return checkKey(readFileSync(file), file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  // Written whole under another name, then linked: of two processes that start at once one makes the key.
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const own = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  writeFileSync(own, randomBytes(keyBytes), { mode: 0o600, flush: true })
  try {
    linkSync(own, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(own)
  }
  return checkKey(readFileSync(file), file)
}

function checkKey(key: Buffer, file: string): Buffer {
  if (key.length !== keyBytes) throw new Error(`${file} is damaged: it should have ${keyBytes} bytes`)
  return key
}
