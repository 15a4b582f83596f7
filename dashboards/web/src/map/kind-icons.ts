import type { AssetKind } from '../../../../domain/asset-kind.ts'

/** Strokes of each kind of asset, in a square of 16 by 16. */
export const kindIcons: Readonly<Record<AssetKind, string>> = {
  waste_container: 'M3 4.5h10M4 4.5l.8 9h6.4l.8-9M6.5 4.5V3h3v1.5',
  street_light: 'M5 14V4a2 2 0 0 1 2-2h3M10 2L8 6h4.5z',
  energy_meter: 'M8.8 2L4.5 9H8l-.8 5 4.3-7H8z',
  water_meter: 'M8 2c2.5 3 4 5 4 7.2a4 4 0 0 1-8 0C4 7 5.5 5 8 2z',
  gas_meter: 'M8 14a4 4 0 0 1-4-4c0-2.5 2-3.5 2.5-7C9.5 5 12 7 12 10a4 4 0 0 1-4 4z',
  heat_meter: 'M6 9.5v-6a2 2 0 0 1 4 0v6a3 3 0 1 1-4 0z',
  classroom: 'M2 3h12v8H2zM5 14l1.5-3M11 14l-1.5-3',
  room: 'M4 14V2h8v12M9.5 8v1M2.5 14h11',
  building: 'M3 14V3h7v11M10 7h3v7M5.5 5.5h2M5.5 8.5h2M5.5 11.5h2M2 14h12',
  cabinet: 'M4 2h8v12H4zM8 2v12M6.5 7.5V9M9.5 7.5V9',
  parking_bay: 'M5.5 13.5v-11H9A3.2 3.2 0 0 1 9 9H5.5',
  bench: 'M2 8h12M3 5h10M4 8v5M12 8v5',
  shelter: 'M2 4l6-2 6 2M3.5 4v10M12.5 4v10M6 14V9h4v5',
  bollard: 'M6 14V5a2 2 0 0 1 4 0v9M4.5 14h7M6 7.5h4',
  fountain: 'M8 10V3M8 5C6 3 4 4 4 6M8 5c2-2 4-1 4 1M3 10h10l-1.5 4h-7z',
  vehicle: 'M2 11V8l2-4h8l2 4v3zM4.5 11v2M11.5 11v2M2 8h12',
  traffic_signal: 'M5.5 1.5h5v11h-5zM8 12.5V15M8 4v.1M8 7v.1M8 10v.1',
  sign: 'M8 15V9M2.5 2.5h11v6h-11z',
  charging_point: 'M3 14V2h6v12M2 14h8M9 8h2v3a1.3 1.3 0 0 0 2.6 0V6l-2-2M6.5 5L5 8h2l-1.5 3',
  bicycle_rack: 'M4 13V6a4 4 0 0 1 8 0v7M2.5 13h3M10.5 13h3',
  playground: 'M3 14L5 3h6l2 11M8 3v7M6 10h4',
  tree: 'M8 15V9M8 1.5a4 4 0 0 1 3.5 6A3 3 0 0 1 10 11H6a3 3 0 0 1-1.5-3.5A4 4 0 0 1 8 1.5z',
  measuring_point: 'M8 9v5M5.5 9.5a3.5 3.5 0 1 1 5 0M3.4 11.6a6.5 6.5 0 1 1 9.2 0',
  other: 'M4 8h.1M8 8h.1M12 8h.1',
}
