//! Where everything of a cache will lie: numbers alone, planned before anything is allocated.

use crate::config::Config;
use crate::kernels::{Room, Row, Units};
use crate::layers::{Layers, Source};
use crate::memory::{Bytes, product};
use crate::schedule::{Schedule, fits};
use crate::sharing::{Family, MOST_BYTES, TablePlan, alone, families};

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

/// The rows of one source, one for each position kept, or their ids. Planned in u64, used in usize.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ring<N = usize> {
    pub(crate) own: N,     // offset of its first position's values
    pub(crate) row: N,     // values of a row
    pub(crate) steps: u32, // of the k-loop, over a row
    pub(crate) place: N,   // index of its first position
    pub(crate) slots: N,
    pub(crate) source: Source, // in the schedule
    pub(crate) whole: bool,    // whether a slot holds a whole row of the image
}

impl Ring<u64> {
    /// The same where all that is planned can be addressed.
    pub(crate) fn narrow(self) -> Ring {
        let Ring { own, row, steps, place, slots, source, whole } = self;
        let n = |wide: u64| wide as usize;
        Ring { own: n(own), row: n(row), steps, place: n(place), slots: n(slots), source, whole }
    }
}

impl Ring {
    /// Its own row of a position, given by its index.
    pub(crate) fn own_row(&self, position: usize) -> Row {
        Row { start: (self.own + (position - self.place) * self.row) as u32, depth: self.steps }
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

/// What a layer reads, and where its rows lie.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) ring: Ring,
    pub(crate) reads: Vec<Read>,
    pub(crate) start: Option<Read>, // of the layer that sums begin with
    pub(crate) class: bool,         // whether they begin with a class's vector
    pub(crate) residual: Option<Read>,
    pub(crate) family: usize,
    pub(crate) kept: Option<(usize, usize)>, // its number among the rows that the family keeps, and where it begins among their values
    pub(crate) macs: u64,
}

/// What a term reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    pub(crate) ring: Ring,
    pub(crate) dy: i32,
    pub(crate) dx: i32,
    pub(crate) up: usize, // lanes back
    pub(crate) age: i64,  // steps since it was computed
}

/// Where everything of a cache will lie, and how much it takes: numbers alone, before anything is allocated.
#[derive(Clone, Debug)]
pub struct Layout {
    pub(crate) schedule: Schedule,
    pub(crate) skip: Skip,
    pub(crate) images: usize,
    pub(crate) levels: usize,
    pub(crate) rings: Vec<Ring<u64>>, // pixels, then layers
    pub(crate) families: Vec<Family>,
    pub(crate) family_of: Vec<usize>, // (layer)
    pub(crate) ids: Vec<Ring<u64>>,   // pixels, then families; empty where nothing is shared
    pub(crate) values: u64,           // but those of the table
    pub(crate) rows: u64,
    pub(crate) id_places: u64,
    pub(crate) table: TablePlan,
    pub(crate) room: Room,
    pub(crate) units: Units,
    own: Bytes,
}

/// What a front takes.
fn front_bytes(room: Room, families: u64, bases: u64, units: Units) -> Bytes {
    let of_position = (3 * size_of::<u32>() + size_of::<usize>()) as u64;
    Bytes::of::<Row>(&[room.positions, room.taps])
        + Bytes::of::<u8>(&[room.positions, of_position])
        + Bytes::of::<Chosen>(&[room.positions, families])
        + Bytes::of::<usize>(&[room.taps.max(bases)])
        + room.planned(units)
}

/// A position whose rows a family is to compute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen {
    pub(crate) step: u32,
    pub(crate) image: u16,
    pub(crate) row: u16,
    pub(crate) column: u16,
    pub(crate) class: u16,
    /// Where the table keeps them; `None` where it does not.
    pub(crate) entry: Option<u32>,
}

/// Steps that are computed at a time where all are known: enough for whole tiles, few enough that their places stay small.
pub(crate) const BATCH: usize = 1024;

impl Layout {
    /// Of a cache for up to `images` images.
    pub fn new(units: Units, config: &Config, layers: &Layers, schedule: Schedule, images: usize, keep: Keep) -> Layout {
        let (height, width, lanes) = (schedule.height, schedule.width, schedule.lanes() as u64);
        let skip = if let Keep::Needed(skip) = keep { skip } else { Skip::default() };
        let mut slots = vec![1; layers.len() + 1]; // pixels, then layers
        for (layer, source, tap) in layers.reads().filter(|r| fits(r.2, height, width)) {
            let slot = &mut slots[ring_index(source)];
            let age = schedule.age(layer, source, tap) as u64;
            *slot = (*slot).max(1 + if schedule.is_whole(source) { u64::from(tap.dy.unsigned_abs()) } else { age });
        }
        if keep == Keep::All {
            slots.fill(schedule.steps() as u64);
        }

        let channels = units.pixel(config).next_multiple_of(units.step) as u64;
        let row = |layer: usize| units.row(layers, layer).len as u64;
        let base = (0..layers.len()).map(row).max().unwrap_or(0).max(channels);
        let ring = |place: &mut u64, source: Source, row: u64, channels: u64, slots: u64| {
            let whole = schedule.is_whole(source);
            let ring =
                Ring { own: 0, row, steps: channels.div_ceil(units.step as u64) as u32, place: *place, slots, source, whole };
            *place = place.saturating_add(product(&[slots, images as u64, if whole { width as u64 } else { lanes }]));
            ring
        };
        let mut rows = 0;
        let mut rings = vec![ring(&mut rows, Source::Pixels, channels, channels, slots[0])];
        for l in 0..layers.len() {
            rings.push(ring(&mut rows, Source::Layer(l), row(l), units.row(layers, l).read as u64, slots[l + 1]));
        }
        let mut last_reads: Vec<Option<usize>> = vec![None; rings.len()];
        for (layer, source, _) in layers.reads() {
            last_reads[ring_index(source)] = Some(layer);
        }
        let mut space = Space { end: base, free: Vec::new() };
        for index in 0..rings.len() {
            let lanes = |ring: &Ring<u64>| if ring.whole { width as u64 } else { lanes };
            let room = |ring: &Ring<u64>| product(&[ring.slots, images as u64, lanes(ring), ring.row]);
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

        let (mut families, mut family_of) = if skip.rows > 0 { families(layers, &schedule) } else { alone(layers) };
        // A root's id is read for as long as any row of its family is.
        let mut read = vec![1; families.len()];
        for (layer, &family) in family_of.iter().enumerate() {
            read[family] = read[family].max(slots[layer + 1]);
        }
        // Rows of the image are begun every `slope` steps, and one is read until the last that reads it is done.
        let lifetime = |family: usize| match schedule.is_whole(Source::Layer(families[family].root)) {
            true => (read[family] + 1).saturating_mul(schedule.slope as u64),
            false => read[family],
        };
        let addressed = u64::from(u32::MAX).saturating_sub(units.values(&[space.end]).0);
        let most = skip.rows.min(addressed).min(MOST_BYTES);
        let table = TablePlan::new(units, config.levels, &families, most, lifetime, row);
        let (mut ids, mut id_places) = (Vec::new(), 0);
        if table.is_none() {
            (families, family_of) = alone(layers);
        } else {
            ids.push(ring(&mut id_places, Source::Pixels, 0, 0, slots[0]));
            for (family, &slots) in families.iter().zip(&read) {
                ids.push(ring(&mut id_places, Source::Layer(family.root), 0, 0, slots));
            }
        }

        let batch = if keep == Keep::All { schedule.steps().min(BATCH) } else { 1 };
        let at_once = if schedule.has_whole() { width as u64 } else { lanes };
        let positions = product(&[batch as u64, images as u64, at_once]);
        let room = Room::of(layers, units, positions);
        let taps = layers.reads().count() as u64;
        let bases = families.iter().map(|family| family.key.len() + family.kept.len()).max().unwrap_or(0) as u64;
        let own = units.values(&[space.end])
            + Bytes::of::<Row>(&[rows])
            + Bytes::of::<u32>(&[id_places])
            + Bytes::of::<Plan>(&[layers.len() as u64])
            + Bytes::of::<Read>(&[taps, 2])
            + Bytes::of::<u32>(&[positions, table.words()])
            + Bytes::of::<Option<u64>>(&[if table.is_none() { 0 } else { positions }])
            + front_bytes(room, if table.is_none() { 1 } else { families.len() as u64 }, bases, units);
        let (values, levels) = (space.end, config.levels);
        Layout {
            schedule,
            skip,
            images,
            levels,
            rings,
            families,
            family_of,
            ids,
            values,
            rows,
            id_places,
            table,
            room,
            units,
            own,
        }
    }

    /// All that the cache takes.
    pub fn bytes(&self) -> Bytes {
        self.own + self.table.bytes
    }

    /// Bytes that grow with the number of images, activations and where they lie; and the most that rows take which are
    /// remembered.
    pub fn kept(&self) -> (u64, u64) {
        let base = self.rings[0].own;
        let images =
            self.units.values(&[self.values - base]) + Bytes::of::<Row>(&[self.rows]) + Bytes::of::<u32>(&[self.id_places]);
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
        let size = |ring: &Ring<u64>| ring.slots * images as u64 * if ring.whole { width } else { lanes } * ring.row;
        let outlives = |ring: &Ring<u64>| ring.slots > 1 || ring.whole;
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
