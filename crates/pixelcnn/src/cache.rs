//! Kept activations: for each layer a ring of the last fronts, as long as its oldest reader looks back.
//!
//! All rows lie in one array, after a row of zeros that stands for everything outside the image:
//! ```text
//! [zeros | positions of pixels: (slot, image, lane) | positions of layers ... | rows that are remembered]
//! ```
//! Positions that are read in their own step alone (most layers') take the place of others that nobody will read any more.
//!
//! A position of image row `r` computed at step `t` has its values in slot `t % slots`, lane `r % lanes`. `rows` says, by rows of the image
//! ([`crate::layout::Grid`]), which row holds its values: its own, or one that is remembered ([`crate::sharing`]), so that it need not be
//! computed. Kernels read rows through their offsets, so nothing is copied. The size grows with the image's width and not its height: 0.12 MB an image for the
//! reference.
//!
//! Within a row of values, what follows the last one that is not zero is skipped too (`depth`): a product with zero adds
//! nothing, not even a sign (see [`crate::weights`]).

use crate::arithmetic::Arithmetic;
use crate::error::Error;
use crate::layers::{Layers, Source, Start, Tap};
use crate::layout::{BATCH, Chosen, Grid, Layout, Offsets, Plan, Ring, Skip, ring_index};
use crate::memory::{product, reserve, try_room, try_zeroed};
use crate::packed::Units;
use crate::schedule::Schedule;
use crate::sharing::{self, Family, Found, Met, NONE, OUTSIDE, Table};
use pixelcnn_kernels::{PackedLayer, Places, Room, Row, Scratch};
use std::ops::Range;

/// The row of zeros.
const ZEROS: Row = Row { start: 0, depth: 0 };

/// The activations kept for some images that are computed in step.
#[derive(Debug)]
pub struct Cache<A: Arithmetic> {
    schedule: Schedule,
    skip: Skip,
    images: usize,
    lanes: usize,
    grid: Grid,
    data: Vec<A::Value>,
    rows: Vec<Row>, // (place) -> the row that holds its values
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
    ids: Vec<u32>, // (place of pixels, or of a family's root) -> its row's id
    bits: u32,     // of a pixel's id
    looks: Vec<Look>,
    keys: Vec<u32>,   // (position, word) of a front
    hashes: Vec<u64>, // (position): of its key, 0 where not all ids of it are known
}

/// How a family is looked up.
#[derive(Clone, Debug)]
struct Look {
    root: usize,
    ring: Ring,       // of the root
    offsets: Offsets, // of its key, those of pixels first
    pixels: usize,    // of which so many are ids of pixels, many to a word
    class: bool,
    kept: Vec<(Ring, u32)>, // rings of the layers whose rows are kept, and where they begin among an entry's values
}

/// A front as the kernels take it, and as the cache must remember it.
#[derive(Debug)]
struct Front<A: Arithmetic> {
    taps: Vec<Row>,      // (position, tap)
    begins: Vec<u32>,    // (position), or empty: its image's class, or the row that its sums begin with
    residuals: Vec<u32>, // (position), or empty
    rows: Vec<u32>,      // (position) -> where to write
    targets: Vec<usize>, // (position) -> its place
    scratch: Scratch<A>,
}

impl<A: Arithmetic> Cache<A> {
    /// An empty cache. Nothing is allocated later.
    /// What a former cache remembers is taken over where both remember alike; ids begin with `first_id`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(layers: &Layers, layout: Layout, former: &mut Option<Cache<A>>, first_id: u32) -> Result<Cache<A>, Error> {
        let (kept, bytes) = (layout.kept(), layout.bytes());
        let Layout { schedule, skip, images, levels, grid, rings, families, family_of, values, rows, ids, table, room, .. } =
            layout;
        // Kernels address rows by bytes in 32 bits, and what they can address is addressed by usize too.
        let none = || Error::OutOfMemory { bytes: bytes.0, limit: None };
        let addressed = |count: u64, size: usize| u32::try_from(product(&[count, size as u64])).map_err(|_| none());
        addressed(values.saturating_add(table.values), size_of::<A::Value>())?;
        let (rows, ids) = (addressed(rows, 1)? as usize, ids as usize); // as many, or none

        let rings: Vec<Ring> = rings.into_iter().map(Ring::narrow).collect();
        let (grid, pixels, lanes) = (grid.narrow(), rings[0], schedule.lanes());
        let plans = plans(layers, &schedule, &grid, &rings, &families, &family_of)?;
        // Of the rows that are remembered there are none yet: their room is not looked at before it is wanted.
        let mut data: Vec<A::Value> = try_room((values + table.values) as usize)?;
        data.resize(values as usize, A::Value::default());
        let rows = try_zeroed(rows)?;
        let front = bytes.told(Front::with_room(room))?;
        let mut chosen = try_room(families.len())?;
        for _ in 0..if table.is_none() { 1 } else { families.len() } {
            chosen.push(try_room(usize::try_from(room.positions).map_err(|_| none())?)?);
        }
        let mut shared = None;
        if !table.is_none() {
            let looks = looks(&schedule, &grid, &rings, &families, &plans)?;
            let first = data.len();
            let (ids, bits) = (try_zeroed(ids)?, sharing::pixel_bits(levels));
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
        Ok(Cache { schedule, skip, images, lanes, grid, data, rows, pixels, layers: plans, front, chosen, shared, kept })
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
        // Above the image there is nothing.
        self.rows.fill(ZEROS);
        if let Some(shared) = &mut self.shared {
            shared.ids.fill(OUTSIDE);
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
        let family = if self.shared.is_some() { self.layers[layer].family } else { 0 };
        if self.chosen[family].is_empty() {
            return;
        }
        self.gather(layer);
        let front = &mut self.front;
        let Front { taps, begins, residuals, rows: outputs, scratch, .. } = front;
        let places = Places { taps, begins, residuals, outputs };
        let plan = &mut self.layers[layer];
        plan.macs += A::run(packed, &mut self.data, &places, scratch);
        if self.skip.tails {
            // What pads the channels may hold anything.
            let own = packed.row.min(plan.ring.steps as usize * A::STEP);
            let chosen = &self.chosen[family];
            for ((&target, &row), chosen) in front.targets.iter().zip(&front.rows).zip(chosen) {
                let values = &self.data[row as usize..][..own];
                let depth = depth_of::<A>(values);
                self.rows[target].depth = depth;
                if let (Some(shared), Some((kept, _)), Some((entry, _))) = (&mut self.shared, plan.kept, chosen.entry) {
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
        let Cache { schedule, grid, rows, layers, chosen, shared, .. } = self;
        let (Some(shared), family) = (shared, layers[layer].family) else { return };
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
        keys.clear();
        hashes.clear();
        let to_a_word = (u32::BITS / *bits) as usize;
        for (row, columns) in schedule.positions(look.ring.source, step) {
            let (of_pixels, of_rows) = look.offsets.of(row).split_at(look.pixels);
            for (column, (image, &class)) in columns.flat_map(|column| classes.iter().enumerate().map(move |c| (column, c))) {
                let (from, at) = (keys.len(), grid.at(image, column));
                let id = |offset: u32| ids[offset as usize + at];
                for pixels in of_pixels.chunks(to_a_word) {
                    keys.push(pixels.iter().fold(0, |word, &pixel| word << *bits | id(pixel)));
                }
                let mut known = true;
                for &row in of_rows {
                    let id = id(row);
                    known &= id != NONE;
                    keys.push(id);
                }
                if look.class {
                    keys.push(class.into());
                }
                hashes.push(if known { sharing::hash(&keys[from..]) } else { 0 });
                let (step, image, row, column) = (step as u32, image as u16, row as u16, column as u16);
                chosen.push(Chosen { step, image, row, column, class, entry: None });
            }
        }
        table.touch(family, hashes.iter().copied().filter(|&hash| hash != 0));
        let words = keys.len() / chosen.len().max(1);
        let mut left = 0;
        for number in 0..chosen.len() {
            let Chosen { image, row, column, .. } = chosen[number];
            let (row, at) = (usize::from(row), grid.at(image.into(), column.into()));
            let found = match hashes[number] {
                0 => {
                    table.count_apart(family);
                    None
                }
                hash => table.look_up(family, hash, &keys[number * words..][..words]),
            };
            ids[grid.row_of(&look.ring, row) + at] = found.map_or(NONE, |found| found.id);
            if let Some(Found { entry: Some((entry, start)), is_new: false, .. }) = found {
                for (number, (ring, offset)) in look.kept.iter().enumerate() {
                    let depth = ring.steps.min(table.depth(entry, number));
                    rows[grid.row_of(ring, row) + at] = Row { start: *first as u32 + start + offset, depth };
                }
            } else {
                chosen[left] = Chosen { entry: found.and_then(|found| found.entry), ..chosen[number] };
                left += 1;
            }
        }
        chosen.truncate(left);
        // Within the room that was made for it.
        self.data.resize(self.data.len().max(*first + table.end()), A::Value::default());
    }

    /// Makes a front of what the layer is to compute, and gives each position its place.
    fn gather(&mut self, layer: usize) {
        let Cache { schedule, images, lanes, grid, rows, front, layers, chosen, shared, .. } = self;
        let plan = &layers[layer];
        let chosen = &chosen[if shared.is_some() { plan.family } else { 0 }];
        for &Chosen { step, image, row, column, class, entry } in chosen {
            let (step, image, row, column) = (step as usize, usize::from(image), usize::from(row), usize::from(column));
            let at = grid.at(image, column);
            front.taps.extend(plan.reads.of(row).iter().map(|&offset| rows[offset as usize + at]));
            let here = |ring: &Ring| rows[grid.row_of(ring, row) + at].start;
            if let Some(ring) = &plan.start {
                front.begins.push(here(ring));
            } else if plan.class {
                front.begins.push(class.into());
            }
            front.residuals.extend(plan.residual.as_ref().map(here));
            let target = match (shared.as_ref(), plan.kept, entry) {
                (Some(Shared { first, .. }), Some((_, offset)), Some((_, start))) => {
                    Row { start: (*first + offset) as u32 + start, depth: plan.ring.steps }
                }
                _ => own_row(schedule, &plan.ring, (*images, *lanes), step, image, row, column),
            };
            let place = grid.row_of(&plan.ring, row) + at;
            rows[place] = target;
            front.rows.push(target.start);
            front.targets.push(place);
        }
    }

    /// Puts a pixel's level, which is these values to the net.
    pub fn put_pixel(&mut self, image: usize, row: usize, column: usize, level: u16, values: &[A::Value]) {
        let Cache { schedule, images, lanes, grid, pixels, .. } = self;
        let place = grid.row_of(pixels, row) + grid.at(image, column);
        let step = schedule.slope * row + column + schedule.delay(Source::Pixels);
        let mut own = own_row(schedule, pixels, (*images, *lanes), step, image, row, column);
        if let Some(shared) = &mut self.shared {
            shared.ids[place] = u32::from(level) + 1; // 0 is outside
        }
        // One by one: of one or two, a call that copies takes longer.
        values.iter().enumerate().for_each(|(k, &value)| self.data[own.start as usize + k] = value);
        if self.skip.tails {
            own.depth = depth_of::<A>(values);
        }
        self.rows[place] = own;
    }

    /// What a layer computed at a position, `[out_channels]`; sums where it is the last.
    pub fn output(&self, layer: usize, image: usize, row: usize, column: usize) -> &[A::Value] {
        let place = self.grid.row_of(&self.layers[layer].ring, row) + self.grid.at(image, column);
        &self.data[self.rows[place].start as usize..]
    }

    /// The tiles of what was computed last: positions, counted from its first.
    pub fn tiles(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.front.scratch.tiles()
    }

    /// The values, `[channels]`, of a row that was read then: `place` is a position's number times the layer's taps, plus the tap.
    pub fn read(&self, place: usize, channels: usize) -> &[A::Value] {
        &self.data[self.front.taps[place].start as usize..][..channels]
    }
}

/// The row of values that a ring has for a position, of so many images and lanes.
fn own_row(
    schedule: &Schedule,
    ring: &Ring,
    (images, lanes): (usize, usize),
    step: usize,
    image: usize,
    row: usize,
    column: usize,
) -> Row {
    let number = if ring.whole {
        (row % ring.slots * images + image) * schedule.width + column
    } else {
        (step % ring.slots * images + image) * lanes + row % lanes
    };
    Row { start: (ring.own + number * ring.row) as u32, depth: ring.steps }
}

/// Steps of a row up to its last value other than zero.
fn depth_of<A: Arithmetic>(values: &[A::Value]) -> u32 {
    const BLOCK: usize = 16; // zeros of which are looked at side by side
    let is_zero = |value: &A::Value| *value == A::Value::default();
    let mut end = values.len();
    while end >= BLOCK && values[end - BLOCK..end].iter().fold(true, |zeros, value| zeros & is_zero(value)) {
        end -= BLOCK;
    }
    let last = values[..end].iter().rposition(|value| !is_zero(value));
    last.map_or(0, |last| (last / A::STEP) as u32 + 1)
}

fn plans(
    layers: &Layers,
    schedule: &Schedule,
    grid: &Grid,
    rings: &[Ring],
    families: &[Family],
    family_of: &[usize],
) -> Result<Vec<Plan>, Error> {
    let mut plans = try_room(layers.len())?;
    for (l, layer) in layers.iter().enumerate() {
        let mut reads = try_room(layer.inputs.iter().map(|input| input.terms.len()).sum())?;
        for input in &layer.inputs {
            reads.extend(input.terms.iter().map(|term| (rings[ring_index(input.source)], term.tap)));
        }
        let reads = Offsets::new(grid, &reads, schedule.height, schedule.width)?;
        let (start, class) = match layer.start {
            Start::Layer(source) => (Some(rings[source + 1]), false),
            Start::Bias { class } => (None, class),
        };
        let (family, residual) = (family_of[l], layer.residual.map(|source| rings[source + 1]));
        let kept = &families[family].kept;
        let number = kept.iter().position(|&kept| kept == l);
        let kept = number.map(|number| (number, kept[..number].iter().map(|&layer| rings[layer + 1].row).sum()));
        plans.push(Plan { ring: rings[l + 1], reads, start, class, residual, family, kept, macs: 0 });
    }
    Ok(plans)
}

fn looks(schedule: &Schedule, grid: &Grid, rings: &[Ring], families: &[Family], plans: &[Plan]) -> Result<Vec<Look>, Error> {
    let mut looks = try_room(families.len())?;
    for family in families {
        let mut key: Vec<(Ring, Tap)> = try_room(family.key.len())?;
        key.extend(family.key.iter().map(|&(source, tap)| (rings[ring_index(source)], tap)));
        let offsets = Offsets::new(grid, &key, schedule.height, schedule.width)?;
        let pixels = family.key.partition_point(|&(source, _)| source == Source::Pixels);
        let mut kept = try_room(family.kept.len())?;
        kept.extend(
            family.kept.iter().map(|&layer| (rings[layer + 1], plans[layer].kept.map_or(0, |(_, offset)| offset as u32))),
        );
        let (root, ring, class) = (family.root, rings[family.root + 1], family.class);
        looks.push(Look { root, ring, offsets, pixels, class, kept });
    }
    Ok(looks)
}

impl<A: Arithmetic> Front<A> {
    fn with_room(room: Room) -> Result<Front<A>, Error> {
        let n = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let (positions, taps) = (n(room.positions), n(room.taps));
        let (mut scratch, units) = (Scratch::default(), Units::of::<A>());
        scratch.reserve(room).map_err(|_| Error::OutOfMemory { bytes: room.bytes(units.value, units.sum), limit: None })?;
        let (begins, residuals, rows, targets) = (vec![], vec![], vec![], vec![]);
        let mut front = Front { taps: vec![], begins, residuals, rows, targets, scratch };
        reserve(&mut front.taps, &[positions, taps])?;
        reserve(&mut front.begins, &[positions])?;
        reserve(&mut front.residuals, &[positions])?;
        reserve(&mut front.rows, &[positions])?;
        reserve(&mut front.targets, &[positions])?;
        Ok(front)
    }

    fn clear(&mut self) {
        self.taps.clear();
        self.begins.clear();
        self.residuals.clear();
        self.rows.clear();
        self.targets.clear();
        self.scratch.clear();
    }
}
