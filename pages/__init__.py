"""What the browser sees. Never imports TensorFlow or Keras."""
