/*
 * The live view of a run: the parts that Streamlit mounts. Behind all of them.
 */

export default mounting({
  header: HeaderView,
  charts: ChartsView,
  diagnosis: DiagnosisView,
  marks: MarksView,
  figure: FigureView,
});
