import { statSync } from 'node:fs'
import { Problem } from '../domain/problem.ts'
import { ingestFile, openIngestFile } from '../store/ingest-file.ts'
import { acquireLock, isLocked } from '../store/lock.ts'
import { type Command, isRunning } from './command.ts'

export const compactCommands: Record<string, Command> = {
  compact: {
    usage: 'compact',
    summary: {
      fr: 'Rend au disque, plateforme arrêtée, toute la place que des relevés supprimés ont laissée',
      en: 'Gives all the place that removed readings left back to the disk, while the platform is stopped',
    },
    words: 0,
    options: {},
    async run({ config, print, language }) {
      const dataDir = config.PARVIS_DATA_DIR
      if (isLocked(dataDir)) throw new Problem('in_use', isRunning)
      const lock = acquireLock(dataDir, 'ingest')
      const database = openIngestFile(dataDir)
      try {
        const before = statSync(ingestFile(dataDir)).size
        // The new file is laid down beside the old one, not in a folder for small things that may lie in memory.
        process.env.SQLITE_TMPDIR = dataDir
        database.exec('VACUUM; PRAGMA wal_checkpoint(TRUNCATE)')
        const after = statSync(ingestFile(dataDir)).size
        const mib = (bytes: number) => Math.ceil(bytes / 2 ** 20).toLocaleString(language)
        const text = {
          fr: `ingest.sqlite : ${mib(before)} Mio, désormais ${mib(after)} Mio`,
          en: `ingest.sqlite: ${mib(before)} MiB, now ${mib(after)} MiB`,
        }
        print({ before, after }, text[language])
      } finally {
        database.close()
        lock.release()
      }
    },
  },
}
