//! Everything that follows from a config, as JSON: what `inspect` prints and what the training graph is built from.

use crate::config::Config;
use crate::decimal::Decimal;
use crate::error::Error;
use crate::json::{Numbers, write_quoted};
use crate::layers::{Layer, Layers, Source, Start};
use crate::layout::{Keep, Layout, Skip};
use crate::memory::{Text, headroom};
use crate::packed::Units;
use crate::schedule::Schedule;
use crate::tensors::{TensorSpec, tensor_specs};
use std::fmt::{self, Write as _};

/// Layers with their taps, tensors with shapes and fans, receptive field, schedule, cost and memory of a net, as JSON. Takes
/// some megabytes at most, and no time to speak of, whatever the net.
///
/// # Errors
/// [`Error::OutOfMemory`] where the host has not even that.
pub fn describe(config: &Config) -> Result<String, Error> {
    let net = Layers::try_new(config)?;
    let (height, width, pixels) = (config.height, config.width, config.pixels() as u64);
    headroom(Layers::planned(config) + net.planned_field(height, width))?;
    let schedule = Schedule::wavefront(&net, height, width).expect("an architecture expands to causal layers");
    let keep = Keep::Needed(Skip::default());
    let layout = Layout::new(Units::of_precision(config.precision), config, &net, schedule.clone(), 1, keep);
    let (state, _) = layout.kept();
    let field = net.receptive_field(height, width);
    let (above, left, right) = field.reach();
    let macs: u64 = net.iter().map(Layer::macs).sum();
    let kernels = |layer: &Layer| layer.inputs.iter().map(|input| input.len(layer.sums()) as u64).sum::<u64>();
    let full: u64 = net.iter().map(kernels).sum();
    // Full kernels, forbidden taps multiplied too, for every pixel of the image at every pixel: what a framework does.
    let naive = Decimal::from((u128::from(full) * u128::from(pixels) * u128::from(pixels)) as f64); // as whoever reads JSON has it
    let per_front = Decimal::from(pixels as f64 / schedule.steps() as f64);
    let non_zero = (0..net.len()).map(|layer| net.non_zero_parameters(layer)).sum::<u64>() + net.embedding_parameters();
    let parameters = net.parameters();
    // Made before the text, which grows into the room that was found for them.
    let (json, tensors) = (config.to_json(), tensor_specs(&net, config.precision));
    Text::written(|to| {
        write!(to, r#"{{"config":{json},"layers":"#)?;
        list(to, 0..net.len(), |to, index| layer(to, index, &net))?;
        to.write_str(r#","tensors":"#)?;
        list(to, tensors.iter(), tensor)?;
        write!(to, r#","parameters":{parameters},"nonZeroParameters":{non_zero},"#)?;
        write!(to, r#""receptiveField":{{"pixels":{},"above":{above},"left":{left},"right":{right}}},"#, field.len())?;
        write!(to, r#""schedule":{{"slope":{},"leads":{},"#, schedule.slope, Numbers(&schedule.leads))?;
        write!(to, r#""fronts":{},"pixelsPerFront":{per_front}}},"#, schedule.steps())?;
        write!(to, r#""macsPerPixel":{macs},"macsPerImage":{},"naiveMacsPerImage":{naive},"#, macs * pixels)?;
        write!(to, r#""stateBytes":{state}}}"#)
    })
}

fn tensor(to: &mut Text, tensor: &TensorSpec) -> fmt::Result {
    to.write_str(r#"{"name":"#)?;
    write_quoted(to, &tensor.name)?;
    let (role, shape) = (tensor.role.name(), Numbers(&tensor.shape));
    write!(to, r#","role":"{role}","shape":{shape},"fanIn":{},"fanOut":{}}}"#, tensor.fan_in, tensor.fan_out)
}

fn layer(to: &mut Text, index: usize, net: &Layers) -> fmt::Result {
    let layer = &net[index];
    let source = |source: Source| match source {
        Source::Pixels => "pixels",
        Source::Layer(source) => &net[source].name,
    };
    let or_null = |to: &mut Text, key: &str, name: Option<&str>| {
        write!(to, r#","{key}":"#)?;
        if let Some(name) = name { write_quoted(to, name) } else { to.write_str("null") }
    };
    to.write_str(r#"{"name":"#)?;
    write_quoted(to, &layer.name)?;
    to.write_str(r#","group":"#)?;
    write_quoted(to, &layer.group)?;
    to.write_str(r#","inputs":"#)?;
    list(to, layer.inputs.iter(), |to, input| {
        to.write_str(r#"{"source":"#)?;
        write_quoted(to, source(input.source))?;
        to.write_str(r#","kernel":"#)?;
        write_quoted(to, &input.kernel)?;
        write!(to, r#","shape":[{},{},{},{}],"taps":"#, input.rows, input.columns, input.channels, layer.sums())?;
        list(to, input.terms.iter(), |to, term| write!(to, "[{},{}]", term.tap.dy, term.tap.dx))?;
        to.write_str(r#","places":"#)?;
        list(to, input.terms.iter(), |to, term| write!(to, "{}", term.place))?;
        to.write_str("}")
    })?;
    let start = if let Start::Layer(start) = layer.start { Some(source(Source::Layer(start))) } else { None };
    or_null(to, "start", start)?;
    or_null(to, "bias", layer.bias().as_deref())?;
    or_null(to, "class", layer.class().as_deref())?;
    write!(to, r#","sums":{},"outChannels":{},"cell":"{}""#, layer.sums(), layer.out_channels, layer.cell.name())?;
    or_null(to, "residual", layer.residual.map(|residual| source(Source::Layer(residual))))?;
    let (parameters, non_zero, macs) = (net.layer_parameters(index), net.non_zero_parameters(index), layer.macs());
    write!(to, r#","parameters":{parameters},"nonZeroParameters":{non_zero},"macs":{macs}}}"#)
}

fn list<T>(to: &mut Text, items: impl Iterator<Item = T>, mut write: impl FnMut(&mut Text, T) -> fmt::Result) -> fmt::Result {
    to.write_str("[")?;
    for (number, item) in items.enumerate() {
        to.write_str(if number > 0 { "," } else { "" })?;
        write(to, item)?;
    }
    to.write_str("]")
}
