import type { Component } from 'svelte'
import type { Role } from '../../../domain/role.ts'

// A page takes nothing: where the reader is, `route` tells.
type PageModule = { default: Component<Record<string, never>> }
type PageEntry = {
  /** Its name in the address, and of its folder under `pages/`. */
  view: string
  group: 'day' | 'services' | 'inventory' | 'administration' | 'own'
  /** The least role that finds it of use; the API judges for itself. */
  role: Role
  /** Strokes in a square of 16 by 16. */
  icon: string
  /** Loaded when it is first opened, so that nobody waits for pages of others. */
  load: () => Promise<PageModule>
}

/**
 * Every page, in the order of the navigation; the first one is what a visitor finds. A new page is a folder with a
 * `page.svelte`, a line here and its name in the texts.
 */
export const pages = [
  {
    view: 'today',
    group: 'day',
    role: 'viewer',
    icon: 'M8 1.5v1.5M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1M5 8a3 3 0 1 0 6 0a3 3 0 1 0-6 0',
    load: () => import('./pages/today/page.svelte'),
  },
  {
    view: 'map',
    group: 'day',
    role: 'viewer',
    icon: 'M1.5 3.5L6 2l4 1.5L14.5 2v10.5L10 14l-4-1.5L1.5 14zM6 2v10.5M10 3.5V14',
    load: () => import('./pages/map/page.svelte'),
  },
  {
    view: 'waste',
    group: 'services',
    role: 'viewer',
    icon: 'M3 5h10M6 5V3h4v2M4 5l1 9h6l1-9M7 8v4M9 8v4',
    load: () => import('./pages/waste/page.svelte'),
  },
  {
    view: 'lighting',
    group: 'services',
    role: 'viewer',
    icon: 'M8 14V7M5 14h6M4 7a4 4 0 0 1 8 0zM8 1v1',
    load: () => import('./pages/lighting/page.svelte'),
  },
  {
    view: 'energy',
    group: 'services',
    role: 'viewer',
    icon: 'M9 1L4 9h4l-1 6 5-8H8z',
    load: () => import('./pages/energy/page.svelte'),
  },
  {
    view: 'schools',
    group: 'services',
    role: 'viewer',
    icon: 'M1 7l7-4 7 4-7 4zM4 9v3c2 2 6 2 8 0V9M15 7v4',
    load: () => import('./pages/schools/page.svelte'),
  },
  {
    view: 'furniture',
    group: 'services',
    role: 'viewer',
    icon: 'M2 9h12M2 6h12M4 9v5M12 9v5',
    load: () => import('./pages/furniture/page.svelte'),
  },
  {
    view: 'assets',
    group: 'inventory',
    role: 'viewer',
    icon: 'M2 6l6-4 6 4v8H2zM6 14V9h4v5',
    load: () => import('./pages/assets/page.svelte'),
  },
  {
    view: 'devices',
    group: 'inventory',
    role: 'viewer',
    icon: 'M8 14V8M5.5 9.5a3.5 3.5 0 1 1 5 0M3.4 11.6a6.5 6.5 0 1 1 9.2 0',
    load: () => import('./pages/devices/page.svelte'),
  },
  {
    view: 'models',
    group: 'inventory',
    role: 'technician',
    icon: 'M4 4h8v8H4zM6.5 6.5h3v3h-3zM8 1.5V4M8 12v2.5M1.5 8H4M12 8h2.5',
    load: () => import('./pages/models/page.svelte'),
  },
  {
    view: 'dead-letters',
    group: 'inventory',
    role: 'viewer',
    icon: 'M2 4h12v9H2zM2 4l6 5 6-5M2 2l12 13',
    load: () => import('./pages/dead-letters/page.svelte'),
  },
  {
    view: 'import',
    group: 'inventory',
    role: 'manager',
    icon: 'M8 10V2M5 5l3-3 3 3M2 10v4h12v-4',
    load: () => import('./pages/import/page.svelte'),
  },
  {
    view: 'live',
    group: 'inventory',
    role: 'viewer',
    icon: 'M1 8h3l2-5 4 10 2-5h3',
    load: () => import('./pages/live/page.svelte'),
  },
  {
    view: 'people',
    group: 'administration',
    role: 'admin',
    icon: 'M6 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM1.5 13.5a4.5 4.5 0 0 1 9 0M10.5 3.2a2.5 2.5 0 0 1 0 4.6M12 9.5a4.5 4.5 0 0 1 2.5 4',
    load: () => import('./pages/people/page.svelte'),
  },
  {
    view: 'tokens',
    group: 'administration',
    role: 'admin',
    icon: 'M10.5 8.5a3 3 0 1 0-2.1-.9L2 14h2.5v-2h2v-2l1.5-1.5',
    load: () => import('./pages/tokens/page.svelte'),
  },
  {
    view: 'integrations',
    group: 'administration',
    role: 'admin',
    icon: 'M5 2v3M11 2v3M3.5 5h9v3a4.5 4.5 0 0 1-9 0zM8 12.5V15',
    load: () => import('./pages/integrations/page.svelte'),
  },
  {
    view: 'bridges',
    group: 'administration',
    role: 'admin',
    icon: 'M1 11h14M3 11V5M13 11V5M1 8c4 0 4-3 7-3s3 3 7 3M8 11V5',
    load: () => import('./pages/bridges/page.svelte'),
  },
  {
    view: 'system',
    group: 'administration',
    role: 'admin',
    icon: 'M2 3h12v4H2zM2 9h12v4H2zM4.5 5h.01M4.5 11h.01',
    load: () => import('./pages/system/page.svelte'),
  },
  {
    view: 'account',
    group: 'own',
    role: 'viewer',
    icon: 'M8 8.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.5 14a5.5 5.5 0 0 1 11 0',
    load: () => import('./pages/account/page.svelte'),
  },
  {
    view: 'accessibility',
    group: 'own',
    role: 'viewer',
    icon: 'M8 3.5a1 1 0 1 0 0-2 1 1 0 0 0 0 2zM3 5.5h10M8 5.5v4M8 9.5L6 14M8 9.5l2 4.5',
    load: () => import('./pages/accessibility/page.svelte'),
  },
  {
    view: 'site-map',
    group: 'own',
    role: 'viewer',
    icon: 'M6 2h4v3H6zM1.5 11h4v3h-4zM10.5 11h4v3h-4zM8 5v3M3.5 11V8h9v3',
    load: () => import('./pages/site-map/page.svelte'),
  },
] as const satisfies readonly PageEntry[]

export type View = (typeof pages)[number]['view']
/** The groups of the navigation, in its order; pages of `own` are reached from elsewhere. */
export const groups = ['day', 'services', 'inventory', 'administration'] as const satisfies PageEntry['group'][]

const ranks: Record<Role, number> = { viewer: 0, technician: 1, manager: 2, admin: 3 }

/** Whether a role may do what is asked of at least another one. */
export function roleAllows(role: Role, asked: Role): boolean {
  return ranks[role] >= ranks[asked]
}

/** The pages of one group that a role finds of use. */
export function listPages(group: PageEntry['group'], role: Role): (PageEntry & { view: View })[] {
  return pages.filter((page) => page.group === group && roleAllows(role, page.role))
}
