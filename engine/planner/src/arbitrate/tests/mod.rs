mod cases;
mod exactness;
mod mmitss;
mod model;
mod oracle;
