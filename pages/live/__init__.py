"""The live side of the server: the stream, the API and the component that draws."""
