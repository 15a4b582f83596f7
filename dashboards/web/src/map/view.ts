import type { Point as PointGeometry } from 'geojson'
import type { GeoJSONSource, StyleSpecification } from 'maplibre-gl'
import { get } from '../api.ts'
import type { Colours } from './drawings.ts'
import { makeGround, outlineDistricts } from './ground.ts'
import { addAssetLayers, showChange } from './layers.ts'
import { type Bounds, findBounds, type PointChange, type PointSet } from './points.svelte.ts'

/** Where a map looks: degrees, and the zoom of web maps. */
export type MapView = { longitude: number; latitude: number; zoom: number }

type Options = {
  set: PointSet
  view: MapView | null
  colours: Colours
  writeCount: (count: number) => string
  texts: { title: string; zoomIn: string; zoomOut: string; attribution: string }
  label: string
  isStill: boolean
  onchoose?: ((id: string | null) => void) | undefined
  onmove?: ((view: MapView, bounds: Bounds) => void) | undefined
}

/** Of the time that it takes to draw what changed, how many times as long the map is left alone afterwards. */
const pauseShare = 8

/** The least time between the end of a drawing or a move and the next drawing of changes. */
const leastPauseMs = 1000

/** A way over so many zooms is jumped: all that lies between would be drawn for nobody to read. */
const farZooms = 3

/** Pixels between an asset and its name: less than the half of its drawing, so that a pointer reaches one from the other. */
const tipOffset = 16

const closeZoom = 17
const farthestZoom = 16
const usualView: MapView = { longitude: 2.45, latitude: 46.6, zoom: 5 }

/** Opens a map in an element. Throws where the browser has no WebGL. */
export async function openMap(container: HTMLElement, options: Options) {
  const { set, colours, isStill } = options
  const [{ MapLibreMap, Marker, NavigationControl, Popup, ScaleControl }, style] = await Promise.all([
    import('./library.ts'),
    chooseStyle(colours),
  ])
  const all = findBounds(set.all())
  const map = new MapLibreMap({
    container,
    style,
    ...toCamera(options.view, all),
    minZoom: 2,
    maxZoom: 20,
    interactive: !isStill,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    fadeDuration: 0,
    renderWorldCopies: false,
    attributionControl: typeof style === 'string' ? { compact: true } : false,
    locale: {
      'Map.Title': options.label,
      'NavigationControl.ZoomIn': options.texts.zoomIn,
      'NavigationControl.ZoomOut': options.texts.zoomOut,
      'AttributionControl.ToggleAttribution': options.texts.attribution,
    },
  })
  map.keyboard.disableRotation()
  map.touchZoomRotate.disableRotation()
  if (!isStill) {
    map.addControl(new NavigationControl({ showCompass: false }), 'top-right')
    map.addControl(new ScaleControl({}), 'bottom-right')
  } else map.getCanvas().tabIndex = -1

  let chosen: string | null = null
  let hasFitted = options.view !== null || all !== null
  // Over the map, not in it: who chooses waits for no drawing.
  const ring = document.createElement('div')
  ring.className = 'chosen-ring'
  const mark = new Marker({ element: ring })
  const markChosen = () => {
    const point = chosen === null ? undefined : set.get(chosen)
    if (point === undefined) mark.remove()
    else mark.setLngLat({ lng: point.longitude, lat: point.latitude }).addTo(map)
  }
  const tell = () => {
    // Where a map without assets looks is nobody's wish.
    if (!set.isLoaded) return
    const { lng: longitude, lat: latitude } = map.getCenter()
    const bounds = map.getBounds()
    const [west, south, east, north] = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()]
    options.onmove?.({ longitude, latitude, zoom: map.getZoom() }, { west, south, east, north })
  }
  map.on('moveend', tell)

  // Changes are gathered while the map is drawn or moved and for a while after, so that it has time for its reader.
  let isBusy = true
  let hasChanged = false
  let pause: ReturnType<typeof setTimeout> | undefined
  const leaveAlone = (ms: number) => {
    clearTimeout(pause)
    pause = setTimeout(rest, ms)
  }

  function draw(change: PointChange | null) {
    isBusy = true
    hasChanged = false
    const began = performance.now()
    const bounds = hasFitted ? null : findBounds(set.all())
    if (bounds !== null) {
      hasFitted = true
      map.fitBounds(toLibrary(bounds), { padding: 50, maxZoom: farthestZoom, animate: false })
    }
    showChange(map, set, change)
    if (change === null) {
      void map.getSource<GeoJSONSource>('districts')?.setData(outlineDistricts(set.all()))
      tell()
    }
    markChosen()
    map.once('idle', () => {
      // For whoever measures how long a reader waits.
      if (set.isLoaded) performance.mark('map-shown')
      leaveAlone(Math.max(leastPauseMs, pauseShare * (performance.now() - began)))
    })
  }
  function rest() {
    if (map.isMoving()) return leaveAlone(leastPauseMs)
    isBusy = false
    if (hasChanged) draw(set.take())
  }
  let stop = () => {}
  map.on('style.load', () => {
    addAssetLayers(map, colours, options.writeCount)
    set.take()
    draw(null)
    stop = set.listen((isAnew) => {
      hasChanged = true
      if (isAnew || !isBusy) draw(set.take())
    })
  })

  if (!isStill) {
    const tip = new Popup({ closeButton: false, closeOnClick: false, offset: tipOffset, className: 'asset-tip' })
    map.on('click', async (event) => {
      const [found] = map.queryRenderedFeatures(event.point, { layers: ['assets'] })
      if (found === undefined) return options.onchoose?.(null)
      const { cluster_id: group, asset } = found.properties as { cluster_id?: number; asset?: string }
      if (group === undefined) return options.onchoose?.(asset!)
      const zoom = await map.getSource<GeoJSONSource>('assets')!.getClusterExpansionZoom(group)
      const [lng, lat] = (found.geometry as PointGeometry).coordinates as [number, number]
      map.easeTo({ center: { lng, lat }, zoom: zoom + 0.3 })
    })
    let pointed: string | null = null
    const leave = () => {
      pointed = null
      map.getCanvas().style.cursor = ''
      tip.remove()
    }
    map.on('mousemove', ({ point: place }) => {
      // A hand that drags the map asks for no name.
      if (map.isMoving() || map.getLayer('assets') === undefined) return
      const [found] = map.queryRenderedFeatures(place, { layers: ['assets'] })
      if (found === undefined) return leave()
      map.getCanvas().style.cursor = 'pointer'
      const id = (found.properties.asset as string | undefined) ?? null
      // One that was taken away by Escape stays away until the pointer has left.
      if (id === pointed) return
      pointed = id
      const point = id === null ? undefined : set.get(id)
      if (point === undefined) return tip.remove()
      tip.setLngLat({ lng: point.longitude, lat: point.latitude }).setText(point.label).addTo(map)
    })
    // It stays while the pointer is on it, and goes without a move of the pointer too (WCAG 1.4.13).
    const leaveFor = (next: EventTarget | null) => {
      const isNear = next instanceof Node && (map.getCanvas() === next || tip.getElement()?.contains(next))
      if (!isNear) leave()
    }
    map.on('mouseout', ({ originalEvent }) => leaveFor(originalEvent.relatedTarget))
    tip.on('open', () => tip.getElement().addEventListener('mouseleave', (event) => leaveFor(event.relatedTarget)))
    const dismiss = ({ key }: KeyboardEvent) => void (key === 'Escape' && tip.remove())
    document.addEventListener('keydown', dismiss)
    map.on('remove', () => document.removeEventListener('keydown', dismiss))
  }

  return {
    view(): MapView {
      const { lng: longitude, lat: latitude } = map.getCenter()
      return { longitude, latitude, zoom: map.getZoom() }
    },
    choose(id: string | null) {
      chosen = id
      markChosen()
    },
    show(id: string) {
      const point = set.get(id)
      if (point === undefined) return
      const camera = {
        center: { lng: point.longitude, lat: point.latitude },
        zoom: Math.max(map.getZoom(), closeZoom),
      }
      const animate = camera.zoom - map.getZoom() < farZooms
      // What was clicked answers first: its card is seen before the map is drawn.
      requestAnimationFrame(() => setTimeout(() => map.easeTo({ ...camera, animate })))
    },
    close() {
      stop()
      clearTimeout(pause)
      map.remove()
    },
  }
}

/** The style that the authority set, else the plain ground. */
async function chooseStyle(colours: Colours): Promise<string | StyleSpecification> {
  const { mapStyle } = await get<{ mapStyle: string | null }>('/settings')
  return mapStyle ?? makeGround(colours)
}

function toCamera(view: MapView | null, all: Bounds | null) {
  if (view === null && all !== null)
    return { bounds: toLibrary(all), fitBoundsOptions: { padding: 50, maxZoom: farthestZoom } }
  const { longitude: lng, latitude: lat, zoom } = view ?? usualView
  return { center: { lng, lat }, zoom }
}

function toLibrary({ west, south, east, north }: Bounds): [number, number, number, number] {
  return [west, south, east, north]
}
