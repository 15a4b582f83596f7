import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import * as net from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ensureDebianPackage } from './debian.ts'
import { freePort } from './platform.ts'
import { until } from './until.ts'

const run = promisify(execFile)

/** A real Mosquitto with TLS, one user and what it keeps on disk; it can be killed and started again. */
export type Mosquitto = {
  port: number
  user: string
  password: string
  /** The certificate of the authority that signed its own, PEM, and the file of it. */
  ca: string
  caFile: string
  start(): Promise<void>
  /** Writes down what it holds, as it does by itself every half an hour. */
  save(): Promise<void>
  kill(signal?: NodeJS.Signals): Promise<void>
}

/** Makes one in a folder and starts it; `extra` are more lines of its configuration. */
export async function startMosquitto(folder: string, extra: readonly string[] = []): Promise<Mosquitto> {
  const binary = await ensureDebianPackage('mosquitto', 'mosquitto')
  const passwords = await ensureDebianPackage('mosquitto', 'mosquitto_passwd')
  mkdirSync(folder, { recursive: true })
  const [user, password] = ['parvis', 'a password of the other side']
  const port = await freePort()
  const file = (name: string) => join(folder, name)
  await makeCertificates(folder)
  writeFileSync(file('users'), '')
  await run(passwords, ['-b', file('users'), user, password])
  const lines = [
    `listener ${port} 127.0.0.1`,
    'user root',
    `certfile ${file('server.pem')}`,
    `keyfile ${file('server.key')}`,
    `password_file ${file('users')}`,
    'allow_anonymous false',
    'persistence true',
    `persistence_location ${folder}/`,
    'max_queued_messages 0',
    ...extra,
  ]
  writeFileSync(file('mosquitto.conf'), `${lines.join('\n')}\n`)
  let child: ChildProcess
  let ended: Promise<void>

  async function start() {
    child = spawn(binary, ['-c', file('mosquitto.conf')], { stdio: 'ignore' })
    ended = new Promise((resolve) => child.once('exit', () => resolve()))
    await until(() => {
      if (child.exitCode !== null) throw new Error(`mosquitto ended with ${child.exitCode}`)
      return listens(port)
    })
  }

  const savedAt = () => statSync(file('mosquitto.db'), { throwIfNoEntry: false })?.mtimeMs ?? 0
  await start()
  return {
    port,
    user,
    password,
    ca: readFileSync(file('ca.pem'), 'utf8'),
    caFile: file('ca.pem'),
    start,
    async save() {
      const before = savedAt()
      child.kill('SIGUSR1')
      await until(() => savedAt() > before)
    },
    async kill(signal = 'SIGKILL') {
      child.kill(signal)
      await ended
    },
  }
}

async function makeCertificates(folder: string) {
  const openssl = await ensureDebianPackage('openssl', 'openssl')
  const file = (name: string) => join(folder, name)
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  await run(openssl, [
    'req',
    '-x509',
    ...key,
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
    '-subj',
    '/CN=A test authority',
    '-days',
    '2',
  ])
  await run(openssl, [
    'req',
    ...key,
    '-keyout',
    file('server.key'),
    '-out',
    file('server.csr'),
    '-subj',
    '/CN=localhost',
  ])
  writeFileSync(file('names'), 'subjectAltName=DNS:localhost')
  const signed = [
    '-CA',
    file('ca.pem'),
    '-CAkey',
    file('ca.key'),
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    file('names'),
  ]
  await run(openssl, ['x509', '-req', '-in', file('server.csr'), '-out', file('server.pem'), ...signed])
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
