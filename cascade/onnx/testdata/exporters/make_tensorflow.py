"""TensorFlow's models by tf2onnx.

    pip install tensorflow-cpu==2.16.2 tf2onnx==1.17.0 onnx==1.17.0
    python make_tensorflow.py
"""

import tensorflow
import tf2onnx

from common import FEATURES, flows, save


def export(name, *layers):
    rows, _ = flows(3)
    tensorflow.keras.utils.set_random_seed(1)
    model = tensorflow.keras.Sequential([tensorflow.keras.Input((FEATURES,), name="features"), tensorflow.keras.layers.Rescaling(0.01), *layers])
    call = tensorflow.function(lambda features: {"scores": model(features)},
                               input_signature=[tensorflow.TensorSpec([None, FEATURES], tensorflow.float32, name="features")])
    made, _ = tf2onnx.convert.from_function(call, input_signature=call.input_signature, opset=15)
    save(name, made.SerializeToString(), rows, model(rows).numpy())


dense = tensorflow.keras.layers.Dense
export("tensorflow", dense(6, "relu"), dense(3, "softmax"))
export("tensorflow_two", dense(6, "relu"), dense(1, "sigmoid"))
