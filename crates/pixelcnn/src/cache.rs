//! Kept activations: for each layer a ring of the last fronts, as long as its oldest reader looks back.
//!
//! All rows lie in one array, after a row of zeros that stands for everything outside the image:
//! ```text
//! [zeros | positions of pixels: (slot, image, lane) | positions of layers ... | rows that are remembered]
//! ```
//! Positions that are read in their own step alone (most layers') take the place of others that nobody will read any more.
//!
//! A position of image row `r` computed at step `t` has its place in slot `t % slots`, lane `r % lanes`. `rows` says which
//! row holds its values: its own, or one that is remembered ([`crate::sharing`]), so that it need not be computed. Kernels read rows through
//! their offsets, so nothing is copied. The size grows with the image's width and not its height: 0.12 MB an image for the
//! reference.
//!
//! Within a row of values, what follows the last one that is not zero is skipped too (`depth`): a product with zero adds
//! nothing, not even a sign (see [`crate::weights`]).

use crate::error::Error;
use crate::kernels::{self, Lanes, PackedLayer, Room, Row, Scratch};
use crate::layers::{Layers, Source, Start, Tap};
use crate::layout::{BATCH, Chosen, Layout, Plan, Read, Ring, Skip, ring_index};
use crate::memory::{product, reserve, try_room, try_zeroed};
use crate::schedule::Schedule;
use crate::sharing::{self, Family, Found, Met, NONE, OUTSIDE, Table};
use std::ops::Range;

/// The row of zeros.
const ZEROS: Row = Row { start: 0, depth: 0 };

/// The activations kept for some images that are computed in step.
#[derive(Debug)]
pub struct Cache<A: Lanes> {
    schedule: Schedule,
    skip: Skip,
    images: usize,
    lanes: usize,
    data: Vec<A::Value>,
    rows: Vec<Row>, // (position of any ring) -> the row that holds its values
    pixels: Ring,
    layers: Vec<Plan>,
    front: Front<A>,
    chosen: Vec<Vec<Chosen>>, // (family), or one for all where nothing is remembered: what it computes at a step
    shared: Option<Shared>,
    kept: (u64, u64), // bytes, as `Layout::kept` has them
}

/// What is remembered, and how it is looked up.
#[derive(Debug)]
struct Shared {
    table: Table,
    first: usize,  // offset of the first row's values
    ids: Vec<u32>, // (position of pixels, or of a family) -> its row's id
    bits: u32,     // of a pixel's id
    looks: Vec<Look>,
    keys: Vec<u32>,           // (position, word) of a front
    hashes: Vec<Option<u64>>, // (position): of its key, where all ids of it are known
}

/// How a family is looked up.
#[derive(Clone, Debug)]
struct Look {
    root: usize,
    ids: Ring,
    pixels: Vec<Read>, // ids of the key, many to a word
    others: Vec<Read>, // and those that have a word each
    class: bool,
    kept: Vec<(Ring, u32)>, // rings of the layers whose rows are kept, and where they begin among an entry's values
}

/// A front as the kernels take it, and as the cache must remember it.
#[derive(Debug)]
struct Front<A: Lanes> {
    taps: Vec<Row>,      // (position, tap)
    begins: Vec<u32>,    // (position), or empty: its image's class, or the row that its sums begin with
    residuals: Vec<u32>, // (position), or empty
    rows: Vec<u32>,      // (position) -> where to write
    targets: Vec<usize>, // (position) -> index in `rows`
    bases: Vec<usize>,   // (tap, or id of a key) -> index of the first position of the slot that it reads
    scratch: Scratch<A>,
}

impl<A: Lanes> Cache<A> {
    /// An empty cache. Nothing needs clearing between images: a schedule reads only what it wrote. Nothing is allocated later.
    /// What a former cache remembers is taken over where both remember alike; ids begin with `first_id`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(layers: &Layers, layout: Layout, former: &mut Option<Cache<A>>, first_id: u32) -> Result<Cache<A>, Error> {
        let (kept, bytes) = (layout.kept(), layout.bytes());
        let Layout {
            schedule, skip, images, levels, rings, families, family_of, ids, values, rows, id_places, table, room, ..
        } = layout;
        // Kernels address rows by bytes in 32 bits, and what they can address is addressed by usize too.
        let none = || Error::OutOfMemory { bytes: bytes.0, limit: None };
        let addressed = |count: u64, size: usize| u32::try_from(product(&[count, size as u64])).map_err(|_| none());
        addressed(values.saturating_add(table.values), size_of::<A::Value>())?;
        let (rows, id_places) = (usize::try_from(rows).map_err(|_| none())?, usize::try_from(id_places).map_err(|_| none())?);

        let rings: Vec<Ring> = rings.into_iter().map(Ring::narrow).collect();
        let (pixels, lanes) = (rings[0], schedule.lanes());
        let plans = plans(layers, &schedule, &rings, &families, &family_of)?;
        // Of the rows that are remembered there are none yet: their room is not looked at before it is wanted.
        let mut data: Vec<A::Value> = try_room((values + table.values) as usize)?;
        data.resize(values as usize, A::Value::default());
        let rows = try_zeroed(rows)?;
        let bases = families.iter().map(|family| family.key.len() + family.kept.len()).max().unwrap_or(0);
        let front = bytes.told(Front::with_room(room, bases))?;
        let mut chosen = try_room(families.len())?;
        for _ in 0..if table.is_none() { 1 } else { families.len() } {
            chosen.push(try_room(usize::try_from(room.positions).map_err(|_| none())?)?);
        }
        let mut shared = None;
        if !table.is_none() {
            let looks = looks(&schedule, &rings, &families, &ids, &plans)?;
            let first = data.len();
            let (ids, bits) = (try_zeroed(id_places)?, sharing::pixel_bits(levels));
            let positions = usize::try_from(room.positions).map_err(|_| none())?;
            let (mut keys, hashes) = (Vec::new(), try_room(positions)?);
            reserve(&mut keys, &[positions, table.words() as usize])?;
            let former = former.take().and_then(|former| Some((former.data, former.shared?)));
            let table = match former.filter(|(_, shared)| *shared.table.plan() == table) {
                Some((rows, shared)) => {
                    data.extend_from_slice(&rows[shared.first..][..shared.table.end()]);
                    shared.table
                }
                None => Table::new(table, first_id)?,
            };
            shared = Some(Shared { table, first, ids, bits, looks, keys, hashes });
        }
        Ok(Cache { schedule, skip, images, lanes, data, rows, pixels, layers: plans, front, chosen, shared, kept })
    }

    /// Whether it may serve where another would be made.
    pub fn has_room_of(&self, layout: &Layout) -> bool {
        let table = match &self.shared {
            Some(shared) => *shared.table.plan() == layout.table,
            None => layout.table.is_none(),
        };
        table && self.skip.tails == layout.skip.tails && self.images >= layout.images && self.schedule == layout.schedule
    }

    /// Whether what it remembers may be taken over by another.
    pub fn remembers_as(&self, layout: &Layout) -> bool {
        self.skip.tails == layout.skip.tails && self.shared.as_ref().is_some_and(|shared| *shared.table.plan() == layout.table)
    }

    /// The schedule it is made for.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Images it has room for.
    pub fn images(&self) -> usize {
        self.images
    }

    /// As [`Layout::kept`].
    pub fn bytes(&self) -> (u64, u64) {
        self.kept
    }

    /// Multiply-adds issued by each layer since it was made, or reset: a product with a zero that was not skipped counts.
    pub fn macs(&self) -> impl Iterator<Item = u64> + '_ {
        self.layers.iter().map(|plan| plan.macs)
    }

    /// What was looked up for each layer since then; nothing for one that is not, because its rows follow from another's.
    pub fn met(&self) -> impl Iterator<Item = Met> + '_ {
        let of = |(layer, plan): (usize, &Plan)| {
            let shared = self.shared.as_ref().filter(|shared| shared.looks[plan.family].root == layer);
            shared.map_or(Met::default(), |shared| shared.table.counts()[plan.family])
        };
        self.layers.iter().enumerate().map(of)
    }

    /// Starts counting anew.
    pub fn reset_counts(&mut self) {
        self.layers.iter_mut().for_each(|plan| plan.macs = 0);
        if let Some(shared) = &mut self.shared {
            shared.table.reset_counts();
        }
    }

    /// Images begin: no position that was computed is read any more.
    pub fn begin_images(&mut self) {
        if let Some(shared) = &mut self.shared {
            shared.table.begin_images();
        }
    }

    /// Computes a layer at every position of the given steps, for the first images, one for each of `classes`. What it reads
    /// there must have been computed, or put.
    pub fn compute(&mut self, layer: usize, packed: &PackedLayer<A>, classes: &[u16], steps: Range<usize>) {
        for first in steps.clone().step_by(BATCH) {
            self.compute_batch(layer, packed, classes, first..steps.end.min(first + BATCH));
        }
    }

    fn compute_batch(&mut self, layer: usize, packed: &PackedLayer<A>, classes: &[u16], steps: Range<usize>) {
        if self.shared.is_some() {
            // One step at a time, each with all its layers in their order.
            self.look_up(layer, classes, steps.start);
        } else {
            self.chosen[0].clear();
            steps.for_each(|step| self.choose_all(layer, classes, step));
        }
        self.front.clear();
        self.gather(layer);
        if self.shared.is_some() {
            self.touch(packed.row());
        }
        let front = &mut self.front;
        let Front { taps, begins, residuals, rows: outputs, scratch, .. } = front;
        let places = kernels::Places { taps, begins, residuals, outputs };
        let plan = &mut self.layers[layer];
        plan.macs += kernels::run(packed, &mut self.data, &places, scratch);
        if self.skip.tails {
            // What pads the channels may hold anything.
            let own = packed.row().min(plan.ring.steps as usize * A::STEP);
            let chosen = &self.chosen[if self.shared.is_some() { plan.family } else { 0 }];
            for ((&target, &row), chosen) in front.targets.iter().zip(&front.rows).zip(chosen) {
                let values = &self.data[row as usize..][..own];
                let depth = depth_of::<A>(values);
                self.rows[target].depth = depth;
                if let (Some(shared), Some((kept, _)), Some(entry)) = (&mut self.shared, plan.kept, chosen.entry) {
                    shared.table.set_depth(entry, kept, depth);
                }
            }
        }
    }

    /// Lists all positions that the layer computes at a step.
    fn choose_all(&mut self, layer: usize, classes: &[u16], step: usize) {
        for (row, columns) in self.schedule.positions(self.layers[layer].ring.source, step) {
            for column in columns {
                self.chosen[0].extend(classes.iter().enumerate().map(|(image, &class)| Chosen {
                    step: step as u32,
                    image: image as u16,
                    row: row as u16,
                    column: column as u16,
                    class,
                    entry: None,
                }));
            }
        }
    }

    /// Where the layer is its family's root: looks up all positions that it computes at a step, lists those whose rows are not there,
    /// and points the others to theirs.
    fn look_up(&mut self, layer: usize, classes: &[u16], step: usize) {
        let Cache { schedule, images, lanes, rows, front, layers, chosen, shared, .. } = self;
        let (Some(shared), family, lanes, images) = (shared, layers[layer].family, *lanes, *images) else { return };
        let Shared { table, first, ids, bits, looks, keys, hashes } = shared;
        let look = &looks[family];
        if look.root != layer {
            return;
        }
        if layer == 0 {
            table.step();
        }
        let chosen = &mut chosen[family];
        chosen.clear();
        let by_fronts = !schedule.has_whole();
        let slot = |ring: &Ring, step: usize| ring.place + step % ring.slots * images * lanes;
        let read_slot = |read: &Read| slot(&read.ring, (step as i64 - read.age).max(0) as usize);
        front.bases.clear();
        if by_fronts {
            front.bases.extend(look.pixels.iter().chain(&look.others).map(read_slot));
            front.bases.extend(look.kept.iter().map(|(ring, _)| slot(ring, step)));
        }
        let (pixel_bases, rest) = front.bases.split_at(look.pixels.len().min(front.bases.len()));
        let (other_bases, kept_bases) = rest.split_at(look.others.len().min(rest.len()));
        keys.clear();
        hashes.clear();
        for (row, columns) in schedule.positions(look.ids.source, step) {
            let lane = row % lanes;
            for (column, (image, &class)) in columns.flat_map(|column| classes.iter().enumerate().map(move |c| (column, c))) {
                let at = image * lanes;
                let id_at = |bases: &[usize], number: usize, read: &Read, outside: u32| {
                    let (y, x) = (row as i32 + read.dy, column as i32 + read.dx);
                    if y < 0 || x as u32 >= schedule.width as u32 {
                        return outside;
                    }
                    if by_fronts {
                        ids[bases[number] + at + if lane >= read.up { lane - read.up } else { lane + lanes - read.up }]
                    } else {
                        ids[place_of(schedule, &read.ring, images, image, y as usize, x as usize)]
                    }
                };
                let from = keys.len();
                let (mut word, mut filled) = (0u32, 0);
                for (number, read) in look.pixels.iter().enumerate() {
                    if filled + *bits > u32::BITS {
                        keys.push(word);
                        (word, filled) = (0, 0);
                    }
                    word |= id_at(pixel_bases, number, read, 0) << filled;
                    filled += *bits;
                }
                if filled > 0 {
                    keys.push(word);
                }
                let mut known = true;
                for (number, read) in look.others.iter().enumerate() {
                    let id = id_at(other_bases, number, read, OUTSIDE);
                    known &= id != NONE;
                    keys.push(id);
                }
                if look.class {
                    keys.push(class.into());
                }
                hashes.push(known.then(|| sharing::hash(&keys[from..])));
                let (step, image, row, column) = (step as u32, image as u16, row as u16, column as u16);
                chosen.push(Chosen { step, image, row, column, class, entry: None });
            }
        }
        table.touch(family, hashes);
        let own = if by_fronts { slot(&look.ids, step) } else { 0 };
        let words = keys.len() / chosen.len().max(1);
        let mut number = 0;
        chosen.retain_mut(|chosen| {
            let (image, row, column) = (usize::from(chosen.image), usize::from(chosen.row), usize::from(chosen.column));
            let position = |ring: &Ring, base: usize| match by_fronts {
                true => base + image * lanes + row % lanes,
                false => place_of(schedule, ring, images, image, row, column),
            };
            let key = &keys[number * words..][..words];
            let found = hashes[number].and_then(|hash| table.look_up(family, hash, key));
            number += 1;
            ids[position(&look.ids, own)] = found.map_or(NONE, |found| found.id);
            match found {
                Some(Found { entry: Some(entry), is_new: false, .. }) => {
                    let start = *first as u32 + table.start(entry);
                    for (number, (ring, offset)) in look.kept.iter().enumerate() {
                        let depth = ring.steps.min(table.depth(entry, number));
                        let base = kept_bases.get(number).map_or(0, |&base| base);
                        rows[position(ring, base)] = Row { start: start + offset, depth };
                    }
                    return false;
                }
                Some(Found { entry, .. }) => chosen.entry = entry,
                None if hashes[number - 1].is_none() => table.count_apart(family),
                None => {}
            }
            true
        });
        // Within the room that was made for it.
        self.data.resize(self.data.len().max(*first + table.end()), A::Value::default());
    }

    /// Looks at all rows that a front reads and writes. Those of a table lie far from each other and out of a processor's caches: their
    /// lines come in side by side here, and not one after the other where a tile wants them.
    fn touch(&self, written: usize) {
        let line = 64 / size_of::<A::Value>();
        let mut seen = false;
        for row in &self.front.taps {
            let end = row.depth as usize * A::STEP;
            for at in (0..end).step_by(line) {
                seen ^= self.data[row.start as usize + at] == A::Value::default();
            }
        }
        for &row in &self.front.rows {
            for at in (0..written).step_by(line) {
                seen ^= self.data[row as usize + at] == A::Value::default();
            }
        }
        std::hint::black_box(seen);
    }

    /// Makes a front of what the layer is to compute, and gives each position its place.
    fn gather(&mut self, layer: usize) {
        let Cache { schedule, images, lanes, rows, front, layers, chosen, shared, .. } = self;
        let (plan, lanes, images) = (&layers[layer], *lanes, *images);
        let chosen = &chosen[if shared.is_some() { plan.family } else { 0 }];
        let ring = &plan.ring;
        let by_fronts = !schedule.has_whole();
        let (mut at_step, mut own, mut start, mut added) = (None, 0, 0, 0);
        for &Chosen { step, image, row, column, class, entry } in chosen {
            let (step, image, row, column) = (step as usize, usize::from(image), usize::from(row), usize::from(column));
            // All that a front reads through a tap was computed at one step: in fronts, its slot is found once.
            if by_fronts && at_step != Some(step) {
                at_step = Some(step);
                let slot = |ring: &Ring, step: usize| ring.place + step % ring.slots * images * lanes;
                // Before the image's first steps there is nothing to read, and no position that would.
                let read_slot = |read: &Read| slot(&read.ring, (step as i64 - read.age).max(0) as usize);
                front.bases.clear();
                front.bases.extend(plan.reads.iter().map(read_slot));
                own = slot(ring, step);
                start = plan.start.as_ref().map_or(0, read_slot);
                added = plan.residual.as_ref().map_or(0, read_slot);
            }
            let (lane, at) = (row % lanes, image * lanes);
            let place = |read: &Read, base: usize, y: i32, x: i32| {
                if by_fronts {
                    base + at + if lane >= read.up { lane - read.up } else { lane + lanes - read.up }
                } else {
                    place_of(schedule, &read.ring, images, image, y as usize, x as usize)
                }
            };
            let here = |read: &Read, base: usize| rows[place(read, base, row as i32, column as i32)];
            front.taps.extend(plan.reads.iter().enumerate().map(|(number, read)| {
                let (y, x) = (row as i32 + read.dy, column as i32 + read.dx);
                if y < 0 || x as u32 >= schedule.width as u32 {
                    return ZEROS;
                }
                rows[place(read, front.bases.get(number).map_or(0, |&base| base), y, x)]
            }));
            if let Some(read) = &plan.start {
                front.begins.push(here(read, start).start);
            } else if plan.class {
                front.begins.push(class.into());
            }
            if let Some(read) = &plan.residual {
                front.residuals.push(here(read, added).start);
            }
            let position = if by_fronts { own + at + lane } else { place_of(schedule, ring, images, image, row, column) };
            let target = match (shared.as_ref(), plan.kept, entry) {
                (Some(Shared { table, first, .. }), Some((_, offset)), Some(entry)) => {
                    Row { start: (*first + offset) as u32 + table.start(entry), depth: ring.steps }
                }
                _ => ring.own_row(position),
            };
            rows[position] = target;
            front.rows.push(target.start);
            front.targets.push(position);
        }
    }

    /// Puts a pixel's level, which is these values to the net.
    pub fn put_pixel(&mut self, image: usize, row: usize, column: usize, level: u16, values: &[A::Value]) {
        let ring = self.pixels;
        let position = self.position(ring, image, row, column);
        if let Some(shared) = &mut self.shared {
            shared.ids[position] = u32::from(level) + 1; // 0 is outside
        }
        let mut own = ring.own_row(position);
        self.data[own.start as usize..][..values.len()].copy_from_slice(values);
        if self.skip.tails {
            own.depth = depth_of::<A>(values);
        }
        self.rows[position] = own;
    }

    /// What a layer computed at a position, `[out_channels]`; sums where it is the last.
    pub fn output(&self, layer: usize, image: usize, row: usize, column: usize) -> &[A::Value] {
        let ring = self.layers[layer].ring;
        &self.data[self.rows[self.position(ring, image, row, column)].start as usize..]
    }

    /// The tiles of what was computed last: positions, counted from its first.
    pub fn tiles(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.front.scratch.tiles()
    }

    /// The values, `[channels]`, of a row that was read then: `place` is a position's number times the layer's taps, plus the tap.
    pub fn read(&self, place: usize, channels: usize) -> &[A::Value] {
        &self.data[self.front.taps[place].start as usize..][..channels]
    }

    fn position(&self, ring: Ring, image: usize, row: usize, column: usize) -> usize {
        place_of(&self.schedule, &ring, self.images, image, row, column)
    }
}

/// The index in `rows` of a position.
fn place_of(schedule: &Schedule, ring: &Ring, images: usize, image: usize, row: usize, column: usize) -> usize {
    if ring.whole {
        return ring.place + (row % ring.slots * images + image) * schedule.width + column;
    }
    let (step, lanes) = (schedule.slope * row + column + schedule.delay(ring.source), schedule.lanes());
    ring.place + (step % ring.slots * images + image) * lanes + row % lanes
}

/// Steps of a row up to its last value other than zero.
fn depth_of<A: Lanes>(values: &[A::Value]) -> u32 {
    let last = values.iter().rposition(|&value| value != A::Value::default());
    last.map_or(0, |last| (last / A::STEP) as u32 + 1)
}

/// A read of `layer` through a tap, of what a ring holds.
fn read_of(schedule: &Schedule, layer: usize, ring: Ring, source: Source, tap: Tap) -> Read {
    let up = tap.dy.unsigned_abs() as usize % schedule.lanes();
    Read { ring, dy: tap.dy, dx: tap.dx, up, age: schedule.age(layer, source, tap) }
}

fn plans(
    layers: &Layers,
    schedule: &Schedule,
    rings: &[Ring],
    families: &[Family],
    family_of: &[usize],
) -> Result<Vec<Plan>, Error> {
    let read = |layer, source, tap| read_of(schedule, layer, rings[ring_index(source)], source, tap);
    let mut plans = try_room(layers.len())?;
    for (l, layer) in layers.iter().enumerate() {
        let mut reads = try_room(layer.inputs.iter().map(|input| input.terms.len()).sum())?;
        for input in &layer.inputs {
            reads.extend(input.terms.iter().map(|term| read(l, input.source, term.tap)));
        }
        let here = |source: usize| read(l, Source::Layer(source), Tap::HERE);
        let (start, class) = match layer.start {
            Start::Layer(source) => (Some(here(source)), false),
            Start::Bias { class } => (None, class),
        };
        let (family, residual) = (family_of[l], layer.residual.map(here));
        let kept = &families[family].kept;
        let number = kept.iter().position(|&kept| kept == l);
        let kept = number.map(|number| (number, kept[..number].iter().map(|&layer| rings[layer + 1].row).sum()));
        plans.push(Plan { ring: rings[l + 1], reads, start, class, residual, family, kept, macs: 0 });
    }
    Ok(plans)
}

fn looks(
    schedule: &Schedule,
    rings: &[Ring],
    families: &[Family],
    ids: &[Ring<u64>],
    plans: &[Plan],
) -> Result<Vec<Look>, Error> {
    let mut looks = try_room(families.len())?;
    for (number, family) in families.iter().enumerate() {
        let ring_of = |source: Source| match source {
            Source::Pixels => ids[0].narrow(),
            Source::Layer(root) => ids[plans[root].family + 1].narrow(),
        };
        let split = family.key.partition_point(|&(source, _)| source == Source::Pixels);
        let reads = |key: &[(Source, Tap)]| {
            let mut reads = try_room(key.len())?;
            reads.extend(key.iter().map(|&(source, tap)| read_of(schedule, family.root, ring_of(source), source, tap)));
            Ok(reads)
        };
        let (pixels, others) = (reads(&family.key[..split])?, reads(&family.key[split..])?);
        let mut kept = try_room(family.kept.len())?;
        kept.extend(
            family.kept.iter().map(|&layer| (rings[layer + 1], plans[layer].kept.map_or(0, |(_, offset)| offset as u32))),
        );
        looks.push(Look { root: family.root, ids: ids[number + 1].narrow(), pixels, others, class: family.class, kept });
    }
    Ok(looks)
}

impl<A: Lanes> Front<A> {
    fn with_room(room: Room, bases: usize) -> Result<Front<A>, Error> {
        let n = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let (positions, taps) = (n(room.positions), n(room.taps));
        let mut scratch = Scratch::default();
        scratch.reserve(room)?;
        let (begins, residuals, rows, targets) = (vec![], vec![], vec![], vec![]);
        let mut front = Front { taps: vec![], begins, residuals, rows, targets, bases: vec![], scratch };
        reserve(&mut front.taps, &[positions, taps])?;
        reserve(&mut front.begins, &[positions])?;
        reserve(&mut front.residuals, &[positions])?;
        reserve(&mut front.rows, &[positions])?;
        reserve(&mut front.targets, &[positions])?;
        reserve(&mut front.bases, &[taps.max(bases)])?;
        Ok(front)
    }

    fn clear(&mut self) {
        self.taps.clear();
        self.begins.clear();
        self.residuals.clear();
        self.rows.clear();
        self.targets.clear();
    }
}
