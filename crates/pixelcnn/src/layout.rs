//! Where everything of a cache will lie: numbers alone, planned before anything is allocated.

use crate::config::Config;
use crate::layers::{Layer, Layers, Source};
use crate::memory::{Bytes, product};
use crate::packed::Units;
use crate::schedule::{Schedule, fits};
use crate::sharing::{self, Family, MOST_BYTES, PixelIds, TablePlan, alone};
use pixelcnn_kernels::{BATCH, Chosen, Grid, PANEL, Plan, Ring, Room, Row};

/// What a cache keeps, and what it may leave out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keep {
    /// What later steps of the schedule read.
    Needed(Skip),
    /// Every position of the image, so that all of it can be computed layer by layer. Nothing is skipped.
    All,
}

/// Which work is skipped. No choice changes a bit of any logit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skip {
    /// Rows that are remembered, in a table of at most so many bytes; 0 for none (see [`crate::sharing`]).
    pub rows: u64,
    /// What follows the last non-zero channel of a row.
    pub tails: bool,
}

/// The rows of one source, one for each position kept, as [`Ring`] has them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlannedRing {
    pub(crate) own: u64,
    pub(crate) row: u64,
    pub(crate) steps: u32,
    pub(crate) slots: u64,
    pub(crate) place: u64,
    pub(crate) mask: u64,
    pub(crate) source: Source,
    pub(crate) whole: bool,
}

impl PlannedRing {
    /// The same where all that is planned can be addressed.
    pub(crate) fn narrow(self, schedule: &Schedule) -> Ring {
        let PlannedRing { own, row, steps, slots, place, mask, source, whole } = self;
        let n = |wide: u64| wide as usize;
        let delay = schedule.delay(source);
        Ring { own: n(own), row: n(row), steps, slots: n(slots), place: n(place), mask: n(mask), delay, whole }
    }
}

/// As [`Grid`] has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlannedGrid {
    images: u64,
    left: u64,
    columns: u64,
}

impl PlannedGrid {
    /// The same where all that is planned can be addressed.
    pub(crate) fn narrow(self) -> Grid {
        Grid { images: self.images as usize, left: self.left as usize, columns: self.columns as usize }
    }

    /// Places of a row of all images.
    fn row(self) -> u64 {
        product(&[self.images, self.columns])
    }
}

/// Room that is given out and taken back.
struct Space {
    end: u64,
    free: Vec<(u64, u64)>, // (start, size)
}

impl Space {
    /// The start of that much room, which may be some that was given back where it is `shared`.
    fn take(&mut self, size: u64, shared: bool) -> u64 {
        match self.free.iter().position(|&(_, free)| shared && free >= size) {
            Some(found) => self.free.swap_remove(found).0,
            None => {
                let start = self.end;
                self.end = start.saturating_add(size);
                start
            }
        }
    }
}

/// Where everything of a cache will lie, and how much it takes: numbers alone, before anything is allocated.
#[derive(Debug)]
pub struct Layout {
    pub(crate) schedule: Schedule,
    pub(crate) skip: Skip,
    pub(crate) images: usize,
    pub(crate) pixel_ids: PixelIds,
    pub(crate) grid: PlannedGrid,
    pub(crate) rings: Vec<PlannedRing>, // pixels, then layers
    pub(crate) families: Vec<Family>,
    pub(crate) family_of: Vec<usize>, // (layer)
    pub(crate) values: u64,           // but those of the table
    pub(crate) rows: u64,             // places, and those that have ids
    pub(crate) ids: u64,
    pub(crate) table: TablePlan,
    pub(crate) room: Room,
    pub(crate) units: Units,
    own: Bytes,
}

/// What a front takes.
fn front_bytes(room: Room, families: u64, units: Units) -> Bytes {
    let of_position = 3 * size_of::<u32>() as u64;
    Bytes::of::<u8>(&[room.positions, of_position])
        + Bytes::of::<Chosen>(&[room.positions, families])
        + Bytes(room.bytes(units.value, units.sum))
}

impl Layout {
    /// Of a cache for up to `images` images.
    pub fn new(units: Units, config: &Config, layers: &Layers, schedule: Schedule, images: usize, keep: Keep) -> Layout {
        let (height, width, lanes) = (schedule.height, schedule.width, schedule.lanes() as u64);
        let skip = if let Keep::Needed(skip) = keep { skip } else { Skip::default() };
        let mut slots = vec![1; layers.len() + 1]; // pixels, then layers
        let mut above = vec![0; layers.len() + 1]; // rows that taps reach up
        let (mut left, mut right) = (0, 0);
        for (layer, source, tap) in layers.reads().filter(|r| fits(r.2, height, width)) {
            let (index, up) = (ring_index(source), u64::from(tap.dy.unsigned_abs()));
            let age = schedule.age(layer, source, tap) as u64;
            slots[index] = u64::max(slots[index], 1 + if schedule.is_whole(source) { up } else { age });
            above[index] = u64::max(above[index], up);
            (left, right) = (i32::max(left, -tap.dx), i32::max(right, tap.dx));
        }
        if keep == Keep::All {
            slots.fill(schedule.steps() as u64);
        }
        let pixel_ids = PixelIds::of(config);
        let (mut families, mut family_of) =
            if skip.rows > 0 { sharing::families(layers, &schedule, pixel_ids) } else { alone(layers) };
        // A root's id is read for as long as any row of its family is.
        let mut read = vec![1; families.len()];
        for (layer, &family) in family_of.iter().enumerate() {
            read[family] = read[family].max(slots[layer + 1]);
        }
        // Rows of the image that have places. A row of fronts is begun `slope` steps after the one above.
        let places = |source: Source| {
            let index = ring_index(source);
            let slots = if let Source::Layer(layer) = source { slots[index].max(read[family_of[layer]]) } else { slots[index] };
            let rows = match keep {
                Keep::All => height as u64 + above[index],
                _ if schedule.is_whole(source) => slots,
                _ => slots.div_ceil(schedule.slope as u64),
            };
            rows.next_power_of_two()
        };

        let channels = units.pixel(config).next_multiple_of(units.step) as u64;
        let row = |layer: usize| units.row(layers, layer).len as u64;
        let base = (0..layers.len()).map(row).max().unwrap_or(0).max(channels);
        let grid = PlannedGrid { images: images as u64, left: left as u64, columns: width as u64 + left as u64 + right as u64 };
        let mut rows = grid.row();
        let mut ring = |source: Source, row: u64, channels: u64| {
            let (place, own, slots, whole) = (rows, 0, slots[ring_index(source)], schedule.is_whole(source));
            let mask = places(source) - 1;
            rows = rows.saturating_add(product(&[mask + 1, grid.row()]));
            PlannedRing { own, row, steps: channels.div_ceil(units.step as u64) as u32, slots, place, mask, source, whole }
        };
        let mut rings = vec![ring(Source::Pixels, channels.next_multiple_of(PANEL as u64), channels)];
        for l in 0..layers.len() {
            rings.push(ring(Source::Layer(l), row(l), units.row(layers, l).read as u64));
        }
        let mut last_reads: Vec<Option<usize>> = vec![None; rings.len()];
        for (layer, source, _) in layers.reads() {
            last_reads[ring_index(source)] = Some(layer);
        }
        let mut space = Space { end: base, free: Vec::new() };
        for index in 0..rings.len() {
            let lanes = |ring: &PlannedRing| if ring.whole { width as u64 } else { lanes };
            let room = |ring: &PlannedRing| product(&[ring.slots, images as u64, lanes(ring), ring.row]);
            // What a layer reads is still wanted while it is computed; what only layers before it read is not.
            // Whole rows are read at later steps, too.
            let own_step = |ring: usize| keep != Keep::All && rings[ring].slots == 1 && !rings[ring].whole;
            let read_by = |ring: usize| last_reads[ring].filter(|_| own_step(ring));
            let ended = (1..index).filter(|&ring| read_by(ring).is_some_and(|layer| layer + 2 == index));
            for ring in ended.collect::<Vec<_>>() {
                space.free.push((rings[ring].own, room(&rings[ring])));
            }
            // What outlives its step must lie where no other layer writes at the next.
            rings[index].own = space.take(room(&rings[index]), own_step(index));
        }

        // Rows of the image are begun every `slope` steps, and one is read until the last that reads it is done.
        let lifetime = |family: usize| match schedule.is_whole(Source::Layer(families[family].root)) {
            true => (read[family] + 1).saturating_mul(schedule.slope as u64),
            false => read[family],
        };
        let addressed = u64::from(u32::MAX).saturating_sub(units.values(&[space.end]).0);
        let most = skip.rows.min(addressed).min(MOST_BYTES);
        let table = TablePlan::new(units, pixel_ids, &families, [height, width, layers.classes], most, lifetime, row);
        if table.is_none() {
            (families, family_of) = alone(layers);
        }
        let ids = if table.is_none() { 0 } else { rows };

        let batch = if keep == Keep::All { schedule.steps().min(BATCH) } else { 1 };
        let at_once = if schedule.has_whole() { width as u64 } else { lanes };
        let positions = product(&[batch as u64, images as u64, at_once]);
        let room = units.room(layers, positions);
        // Each tap has a place for each row of any that its layer, or its family's key, reads beside it.
        let places = |reads: &mut dyn Iterator<Item = Source>| {
            let (taps, mask) = reads.fold((0, 0), |(taps, mask), source| (taps + 1, rings[ring_index(source)].mask.max(mask)));
            product(&[taps, mask + 1])
        };
        let sources = |layer: &Layer| places(&mut layer.inputs.iter().flat_map(|i| i.terms.iter().map(|_| i.source)));
        let taps = layers.iter().map(sources).fold(0, u64::saturating_add);
        let keys = families.iter().map(|family| places(&mut family.key.iter().map(|read| read.0))).fold(0, u64::saturating_add);
        let own = units.values(&[space.end])
            + Bytes::of::<Row>(&[rows])
            + Bytes::of::<u32>(&[ids])
            + Bytes::of::<Plan>(&[layers.len() as u64])
            + Bytes::of::<u32>(&[taps])
            + Bytes::of::<u32>(&[keys])
            + Bytes::of::<u32>(&[positions, table.words()])
            + Bytes::of::<u64>(&[if table.is_none() { 0 } else { positions }])
            + front_bytes(room, if table.is_none() { 1 } else { 1 + families.len() as u64 }, units);
        let values = space.end;
        Layout { schedule, skip, images, pixel_ids, grid, rings, families, family_of, values, rows, ids, table, room, units, own }
    }

    /// All that the cache takes.
    pub fn bytes(&self) -> Bytes {
        self.own + self.table.bytes
    }

    /// Bytes that grow with the number of images, activations and where they lie; and the most that rows take which are
    /// remembered.
    pub fn kept(&self) -> (u64, u64) {
        let base = self.rings[0].own;
        let images = self.units.values(&[self.values - base]) + Bytes::of::<Row>(&[self.rows]) + Bytes::of::<u32>(&[self.ids]);
        (images.0, self.table.bytes.0)
    }
}

/// The place of a source in lists that begin with the pixels.
pub(crate) fn ring_index(source: Source) -> usize {
    match source {
        Source::Pixels => 0,
        Source::Layer(layer) => layer + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::{F32, Int8};
    use crate::config::Architecture;

    /// Pairs of rings that lie in one place, after it was seen that no reader of the earlier finds the later's values there.
    fn places_shared(config: &Config, layers: &Layers, schedule: Schedule, units: Units) -> usize {
        let (images, lanes, width) = (3, schedule.lanes() as u64, config.width as u64);
        let layout = Layout::new(units, config, layers, schedule, images, Keep::Needed(Skip { rows: 0, tails: true }));
        let rings = &layout.rings;
        let size = |ring: &PlannedRing| ring.slots * images as u64 * if ring.whole { width } else { lanes } * ring.row;
        let outlives = |ring: &PlannedRing| ring.slots > 1 || ring.whole;
        let mut shared = 0;
        for (number, ring) in rings.iter().enumerate() {
            for earlier in rings[..number].iter().filter(|of| of.own < ring.own + size(ring) && ring.own < of.own + size(of)) {
                let case = || format!("{ring:?}, {earlier:?}, {config:?}");
                assert!(!outlives(ring) && !outlives(earlier), "written over at the next step: {}", case());
                // The layer of a ring is the one before it in number.
                let read = layers.reads().filter(|read| read.1 == earlier.source).any(|(reader, ..)| reader + 1 >= number);
                assert!(!read, "still to be read: {}", case());
                shared += 1;
            }
        }
        shared
    }

    #[test]
    fn what_is_still_to_be_read_is_written_over_by_no_layer() {
        let mut shared = 0;
        for case in 0..216 {
            let pick = |divisor: usize, of: usize| case / divisor % of;
            let config = Config {
                architecture: [Architecture::Plain, Architecture::Gated][pick(1, 2)],
                filters: [4, 16, 34][pick(2, 3)],
                blocks: [1, 4][pick(6, 2)],
                block_kernel: [1, 3, 5][pick(12, 3)],
                head_layers: [0, 3][pick(36, 2)],
                ..Config { height: 7, width: [2, 6, 13][pick(72, 3)], levels: [2, 300][case % 2], ..Config::reference() }
            };
            let layers = Layers::new(&config);
            for schedule in [Schedule::wavefront, Schedule::raster] {
                let schedule = schedule(&layers, config.height, config.width).expect("causal layers");
                for units in [Units::of::<F32>(), Units::of::<Int8>()] {
                    shared += places_shared(&config, &layers, schedule.clone(), units);
                }
            }
        }
        assert!(shared > 1000, "{shared}: what is read in its own step alone shares places");
    }
}
