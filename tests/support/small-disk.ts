import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A disk of its own, small enough to be filled. */
export type SmallDisk = {
  /** Takes every byte that is free, as another program may. */
  fill(): void
  /** Gives them back. */
  free(): void
  unmount(): void
}

/** Mounts a small disk over a folder. Throws, saying what it needs, where that is not allowed. */
export function mountSmallDisk(folder: string, mebibytes: number): SmallDisk {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', folder], { stdio: 'pipe' })
  } catch (error) {
    throw new Error(
      'This test fills a disk, for which it mounts a small tmpfs: run the tests as root on Linux (in a container, with ' +
        `CAP_SYS_ADMIN). ${(error as Error).message}`,
    )
  }
  const ballast = join(folder, 'ballast')
  return {
    fill() {
      let bytes = Buffer.alloc(1 << 20, 1)
      while (bytes.length > 0)
        try {
          writeFileSync(ballast, bytes, { flag: 'a' })
        } catch {
          bytes = bytes.subarray(0, bytes.length >> 1)
        }
    },
    free: () => rmSync(ballast),
    unmount: () => void execFileSync('umount', ['-l', folder]),
  }
}
