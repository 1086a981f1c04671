package serveflow;

/** Scores rows that lie one behind the other; its answers do, too. */
interface Model {
    double[] score(float[] rows, int count);
}
