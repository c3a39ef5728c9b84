// Voilà's program expects MathJax of another host; formulas are MathML already, so this does nothing.
const nothing = () => {};
window.MathJax = {
  Hub: { Config: nothing, Configured: nothing, Queue: nothing, Register: { StartupHook: nothing } },
  Ajax: {},
  InputJax: { TeX: { resetEquationNumbers: nothing } },
};
