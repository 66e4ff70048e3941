//! Kept activations: for each layer a ring of the last fronts, as long as its oldest reader looks back.
//!
//! All rows lie in one array, after a row of zeros that stands for everything outside the image:
//! ```text
//! [zeros | positions of pixels: (slot, lane, image) | positions of layers ... | rows that are remembered]
//! ```
//! Positions that are read in their own step alone (most layers') take the place of others that nobody will read any more.
//!
//! A position of image row `r` computed at step `t` has its values in slot `t % slots`, lane `r % lanes`. `rows` says, by rows of the image
//! ([`Grid`]), which row holds its values: its own, or one that is remembered ([`crate::sharing`]), so that it need not be
//! computed. Kernels read rows through their offsets. The size grows with the image's width and not its height: 0.12 MB an image for the
//! reference.
//!
//! Within a row of values, what follows the last one that is not zero is skipped too (`depth`): a product with zero adds
//! nothing, not even a sign (see [`crate::weights`]).

use crate::arithmetic::Arithmetic;
use crate::error::Error;
use crate::layers::{Layers, Source, Start, Tap};
use crate::layout::{Layout, Skip, ring_index};
use crate::memory::{lengthen, product, reserve, try_room};
use crate::schedule::{Schedule, fits};
use crate::sharing::{Family, Met, PixelIds, TablePlan};
use pixelcnn_kernels::table::Table;
use pixelcnn_kernels::{Activations, Front, Grid, Look, Offsets, PackedLayer, Plan, Ring, Scratch, Shared, Walk};
use std::ops::Range;

/// The activations kept for some images that are computed in step.
#[derive(Debug)]
pub struct Cache<A: Arithmetic> {
    schedule: Schedule,
    skip: Skip,
    table: TablePlan,
    kept: (u64, u64), // bytes, as `Layout::kept` has them
    room: usize,      // images
    rows: Activations<A>,
}

impl<A: Arithmetic> Cache<A> {
    /// An empty cache. Nothing is allocated later.
    /// What a former cache remembers is taken over where both remember alike; ids begin with `first_id`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(layers: &Layers, layout: &Layout, former: &mut Option<Cache<A>>, first_id: u32) -> Result<Cache<A>, Error> {
        // Kernels address rows by bytes in 32 bits, and what they can address is addressed by usize too.
        let none = || Error::OutOfMemory { bytes: layout.bytes().0, limit: None };
        let (values, most) = (layout.values, layout.values.saturating_add(layout.table.values));
        u32::try_from(product(&[most, size_of::<A::Value>() as u64])).map_err(|_| none())?;
        // Of the rows that are remembered there are none yet: their room is not looked at before it is wanted.
        let mut data: Vec<A::Value> = try_room(most as usize)?;
        lengthen(&mut data, values as usize);
        let mut scratch = Scratch::default();
        scratch.reserve(layout.room).map_err(|_| none())?;
        let walk = walk(layout, &mut || {
            let former = former.take().filter(|former| former.table == layout.table);
            match former.and_then(|former| Some((former.rows.data, former.rows.walk.shared?))) {
                Some((rows, shared)) => {
                    data.extend_from_slice(&rows[shared.first..][..shared.table.end()]);
                    Ok(shared.table)
                }
                None => layout.table.table(first_id),
            }
        })?;
        let rows = Activations { data, scratch, walk };
        let (schedule, table) = (layout.schedule.clone(), layout.table.clone());
        let mut cache = Cache { schedule, skip: layout.skip, table, kept: (0, 0), room: layout.images, rows };
        cache.lay_out(layers, layout)?;
        Ok(cache)
    }

    /// Whether it may serve where another would be made.
    pub fn has_room_of(&self, layout: &Layout) -> bool {
        let alike = self.table == layout.table && self.skip.tails == layout.skip.tails;
        alike && self.room >= layout.images && self.schedule == layout.schedule
    }

    /// Lays it out for as many images, or fewer, as it has room for: so that the places of one image lie side by side, and not as far from
    /// each other as those of sixteen, where `digits` takes 1.08 times as long one by one.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]; it is of no use then.
    pub fn lay_out(&mut self, layers: &Layers, layout: &Layout) -> Result<(), Error> {
        let walk = &mut self.rows.walk;
        if walk.images == layout.images {
            return Ok(());
        }
        let Layout { schedule, families, .. } = layout;
        let rings: Vec<Ring> = layout.rings.iter().map(|ring| ring.narrow(schedule)).collect();
        (walk.images, walk.grid, walk.pixels) = (layout.images, layout.grid.narrow(), rings[0]);
        // What there is goes before anything else comes, so that it takes no more than was planned.
        walk.layers = Vec::new();
        walk.layers = plans(layers, schedule, &walk.grid, &rings, families, &layout.family_of)?;
        if let Some(shared) = &mut walk.shared {
            shared.looks = Vec::new();
            shared.looks = looks(schedule, &walk.grid, &rings, families, &walk.layers)?;
            shared.ids.clear();
            lengthen(&mut shared.ids, layout.ids as usize);
        }
        walk.rows.clear();
        lengthen(&mut walk.rows, layout.rows as usize);
        self.kept = layout.kept();
        Ok(())
    }

    /// Whether what it remembers may be taken over by another.
    pub fn remembers_as(&self, layout: &Layout) -> bool {
        self.skip.tails == layout.skip.tails && !self.table.is_none() && self.table == layout.table
    }

    /// The schedule it is made for.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Images it has room for.
    pub fn images(&self) -> usize {
        self.rows.walk.images
    }

    /// As [`Layout::kept`].
    pub fn bytes(&self) -> (u64, u64) {
        self.kept
    }

    /// Multiply-adds issued by each layer since it was made, or reset: a product with a zero that was not skipped counts.
    pub fn macs(&self) -> impl Iterator<Item = u64> + '_ {
        self.rows.walk.layers.iter().map(|plan| plan.macs)
    }

    /// What was looked up for each layer since then; nothing for one that is not, because its rows follow from another's.
    pub fn met(&self) -> impl Iterator<Item = Met> + '_ {
        let of = |(layer, plan): (usize, &Plan)| {
            let shared = self.rows.walk.shared.as_ref().filter(|shared| shared.looks[plan.family].root == layer);
            shared.map_or(Met::default(), |shared| shared.table.counts()[plan.family])
        };
        self.rows.walk.layers.iter().enumerate().map(of)
    }

    /// Starts counting anew.
    pub fn reset_counts(&mut self) {
        self.rows.walk.layers.iter_mut().for_each(|plan| plan.macs = 0);
        if let Some(shared) = &mut self.rows.walk.shared {
            shared.table.reset_counts();
        }
    }

    /// As [`Walk::begin_images`].
    pub fn begin_images(&mut self) {
        self.rows.walk.begin_images();
    }

    /// As [`Activations::compute`].
    pub fn compute(&mut self, layer: usize, packed: &PackedLayer<A>, classes: &[u16], steps: Range<usize>) {
        A::compute(&mut self.rows, layer, packed, classes, steps);
    }

    /// As [`Activations::put_pixel`].
    pub fn put_pixel(&mut self, image: usize, row: usize, column: usize, level: u16, values: &[A::Value]) {
        A::put_pixel(&mut self.rows, image, row, column, level, values);
    }

    /// As [`Activations::output`].
    pub fn output(&self, layer: usize, image: usize, row: usize, column: usize) -> &[A::Value] {
        self.rows.output(layer, image, row, column)
    }

    /// As [`Activations::tiles`].
    pub fn tiles(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.rows.tiles()
    }

    /// As [`Activations::read`].
    pub fn read(&self, tile: Range<usize>, tap: usize, channels: usize) -> impl Iterator<Item = &[A::Value]> {
        self.rows.read(tile, tap, channels)
    }
}

/// What is the same in every precision, not yet laid out. `table` is asked for last, and only where rows are remembered.
fn walk(layout: &Layout, table: &mut dyn FnMut() -> Result<Table, Error>) -> Result<Walk, Error> {
    let none = || Error::OutOfMemory { bytes: layout.bytes().0, limit: None };
    let n = |count: u64| usize::try_from(count).map_err(|_| none());
    let (most, families) = (n(layout.room.positions)?, layout.families.len());
    let rows = try_room(u32::try_from(layout.rows).map_err(|_| none())? as usize)?;
    let front = Front::with_room(layout.room).map_err(|_| none())?;
    let (positions, listed) = (try_room(most)?, (0, false, 0..0));
    let (mut chosen, mut shared) = (try_room(families)?, None);
    if !layout.table.is_none() {
        for _ in 0..families {
            chosen.push(try_room(most)?);
        }
        let (ids, PixelIds { lowest, bits }) = (try_room(layout.ids as usize)?, layout.pixel_ids);
        let (mut keys, hashes) = (Vec::new(), try_room(most)?);
        reserve(&mut keys, &[most, layout.table.words() as usize])?;
        let (first, table, looks) = (layout.values as usize, table()?, Vec::new());
        shared = Some(Shared { table, first, ids, lowest, blanks: 0, bits, looks, keys, hashes });
    }
    let (wave, tails, lanes, layers) = (layout.schedule.wave(), layout.skip.tails, layout.schedule.lanes(), Vec::new());
    let (images, grid, pixels) = (0, layout.grid.narrow(), layout.rings[0].narrow(&layout.schedule));
    Ok(Walk { wave, tails, images, lanes, grid, rows, pixels, layers, front, positions, listed, chosen, shared })
}

/// Where places begin that are seen through some taps, each of a ring, in images of that size.
fn offsets(grid: &Grid, reads: &[(Ring, Tap)], height: usize, width: usize) -> Result<Offsets, Error> {
    let mask = reads.iter().map(|(ring, _)| ring.mask).max().unwrap_or(0);
    let mut all = try_room((mask + 1) * reads.len())?;
    for row in 0..=mask {
        // Those for nothing where a tap reaches no image of that size.
        all.extend(reads.iter().map(|(ring, tap)| match fits(*tap, height, width) {
            true => grid.through(ring, tap.dy.unsigned_abs() as usize, tap.dx as isize, row),
            false => 0,
        }));
    }
    Ok(Offsets { taps: reads.len(), mask, all })
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
        let reads = offsets(grid, &reads, schedule.height, schedule.width)?;
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
        let offsets = offsets(grid, &key, schedule.height, schedule.width)?;
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
