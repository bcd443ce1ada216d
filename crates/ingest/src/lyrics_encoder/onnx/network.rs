//! The network: what it takes, what it tells.

use std::sync::Arc;

use tract_onnx::Onnx;
use tract_onnx::prelude::{
    Datum, DatumType, Framework, InferenceFact, InferenceModel, InferenceModelExt, IntoRunnable,
    TValue, TVec, Tensor, TractResult, TypedRunnableModel,
};
use tract_onnx::tract_hir::internal::{Factoid, ToDim};

use super::windows::Window;

/// Outputs that are read, the best first: one that was made to stand for a text, one that tells every token,
/// and the output that most networks have and few were trained on.
const OUTPUTS: [&str; 4] = [
    "sentence_embedding",
    "last_hidden_state",
    "token_embeddings",
    "pooler_output",
];

/// What an input is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Feed {
    Ids,
    Mask,
    Types,
}

impl Feed {
    fn named(name: &str) -> Option<Self> {
        match name {
            "input_ids" => Some(Self::Ids),
            "attention_mask" => Some(Self::Mask),
            "token_type_ids" => Some(Self::Types),
            _ => None,
        }
    }
}

/// A network that is ready to run.
pub struct Network {
    plan: Arc<TypedRunnableModel>,
    feeds: Vec<(Feed, DatumType)>,
}

impl Network {
    /// Reads a network and prepares it for windows of any length.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut reader = bytes;
        let mut model = framework()
            .model_for_read(&mut reader)
            .map_err(|error| format!("is no ONNX network: {error:#}"))?;
        check_operators(&model)?;
        let feeds = set_inputs(&mut model)?;
        choose_output(&mut model)?;
        let plan = model.into_optimized().and_then(IntoRunnable::into_runnable);
        Ok(Self {
            plan: plan.map_err(|error| format!("cannot be prepared: {error:#}"))?,
            feeds,
        })
    }

    /// What it tells of a window: one row of numbers.
    pub fn tell(&self, window: &Window) -> Result<Vec<f32>, String> {
        let told = self.run(window);
        told.map_err(|error| format!("the network fails: {error:#}"))?
            .ok_or_else(|| "the network tells neither rows of tokens nor one row".to_owned())
    }

    fn run(&self, window: &Window) -> TractResult<Option<Vec<f32>>> {
        let inputs: TVec<TValue> = (self.feeds.iter())
            .map(|(feed, kind)| input(*feed, *kind, window))
            .collect::<TractResult<_>>()?;
        let outputs = self.plan.run(inputs)?;
        let Some(output) = outputs.first() else {
            return Ok(None);
        };
        let output = output.cast_to::<f32>()?;
        let rows = output.to_plain_array_view::<f32>()?;
        Ok(match *rows.shape() {
            [1, _] => Some(rows.iter().copied().collect()),
            [1, tokens, wide] if tokens == window.ids.len() && wide > 0 => {
                let flat: Vec<f32> = rows.iter().copied().collect();
                Some(mean(&flat, wide))
            }
            _ => None,
        })
    }
}

/// Shapes inside the file are left out: exporters name the axes there, and a name of theirs is not our number of
/// tokens. All that follow from the inputs are worked out again.
fn framework() -> Onnx {
    Onnx {
        ignore_value_info: true,
        ..tract_onnx::onnx().clone()
    }
    .with_ignore_output_shapes(true)
}

/// The mean of rows. Every token of a window is real, so none is masked.
fn mean(rows: &[f32], wide: usize) -> Vec<f32> {
    let mut sum = vec![0.0f64; wide];
    for row in rows.chunks_exact(wide) {
        for (sum, value) in sum.iter_mut().zip(row) {
            *sum += f64::from(*value);
        }
    }
    let count = (rows.len() / wide) as f64;
    sum.iter().map(|value| (value / count) as f32).collect()
}

fn input(feed: Feed, kind: DatumType, window: &Window) -> TractResult<TValue> {
    let shape = [1, window.ids.len()];
    let tensor = match feed {
        Feed::Ids => Tensor::from_shape(&shape, &window.ids)?,
        Feed::Mask => Tensor::from_shape(&shape, &vec![1i64; window.ids.len()])?,
        Feed::Types => Tensor::from_shape(&shape, &window.types)?,
    };
    Ok(tensor.cast_to_dt(kind)?.into_owned().into())
}

/// Operators that nobody here can compute are named all at once.
fn check_operators(model: &InferenceModel) -> Result<(), String> {
    let names = model.nodes.iter().filter_map(|node| {
        let name = node.op.name();
        let inner = name.strip_prefix("Unimplemented(")?;
        Some(inner.strip_suffix(')').unwrap_or(inner).to_owned())
    });
    let names: std::collections::BTreeSet<String> = names.collect();
    if names.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = names.into_iter().collect();
    Err(format!(
        "needs operators that this program lacks: {}; export it with plain ONNX operators",
        names.join(", ")
    ))
}

/// Says what each input is given, one text of any length at a time.
fn set_inputs(model: &mut InferenceModel) -> Result<Vec<(Feed, DatumType)>, String> {
    let tokens = model.symbols.sym("tokens");
    let names: Vec<String> = (model.inputs.iter())
        .map(|outlet| model.node(outlet.node).name.clone())
        .collect();
    let mut feeds = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let feed = Feed::named(name).ok_or_else(|| {
            format!(
                "takes `{}`: an encoder takes `input_ids`, `attention_mask` and at most `token_type_ids` besides",
                names.join("`, `")
            )
        })?;
        let refused = |error| format!("has an input `{name}` that cannot be set: {error:#}");
        let fact = model.input_fact(at).map_err(refused)?;
        let dims: Vec<_> = fact.shape.dims().map(|dim| dim.concretize()).collect();
        let fixed = dims.get(1).cloned().flatten();
        if let Some(fixed) = fixed.and_then(|dim| dim.to_i64().ok()) {
            return Err(format!(
                "takes exactly {fixed} tokens: export it with a sequence of any length"
            ));
        }
        let kind = fact.datum_type.concretize().unwrap_or(i64::datum_type());
        if ![i64::datum_type(), i32::datum_type()].contains(&kind) {
            return Err(format!("takes `{name}` as {kind:?}, not as whole numbers"));
        }
        let shape = [1.to_dim(), tokens.clone().into()];
        let fact = InferenceFact::dt_shape(kind, shape.as_slice());
        model.set_input_fact(at, fact).map_err(refused)?;
        feeds.push((feed, kind));
    }
    if !feeds.iter().any(|(feed, _)| *feed == Feed::Ids) {
        return Err("takes no `input_ids`".to_owned());
    }
    Ok(feeds)
}

/// Keeps the output that is read, so that the others are not computed.
fn choose_output(model: &mut InferenceModel) -> Result<(), String> {
    let outputs: Vec<_> = (model.outputs.iter())
        .map(|outlet| (*outlet, model.outlet_label(*outlet).unwrap_or_default()))
        .collect();
    let chosen = OUTPUTS
        .iter()
        .find_map(|wanted| outputs.iter().find(|(_, name)| name == wanted));
    let Some((outlet, _)) = chosen else {
        let names: Vec<&str> = outputs.iter().map(|(_, name)| *name).collect();
        return Err(format!(
            "tells `{}`: an encoder tells `{}`",
            names.join("`, `"),
            OUTPUTS.join("`, `")
        ));
    };
    let outlet = *outlet;
    model
        .select_output_outlets(&[outlet])
        .map_err(|error| format!("has an output that cannot be read: {error:#}"))
}
