function mpc = stations4
% Four voltages and every kind of branch, made up for tests: a step-down transformer with an off-nominal tap, a
% step-up one written from its low side, a phase shifter with charging, a plain ratio of 0 between two voltages,
% a series capacitor, a branch and a generator out of service, two generators at one bus.
mpc.version = '2';
mpc.baseMVA = 100.0;
mpc.bus_name = {'North'; 'South'; 'It''s 20 kV'; 'Plant'; 'Town'; 'End [1]'};
mpc.bus = [
  10, 3,  0,  0, 0,   0, 1, 1, 5, 220, 1, 1.1, 0.9
  20, 1, 60, 20, 0.5, 4, 1, 1, 0, 220, 1, 1.1, 0.9   % rows may end without a semicolon
  30, 1, 15,  5, 0,   0, 1, 1, 0,  20, 1, 1.1, 0.9; 40, 2, 0, 0, 0, 0, 1, 1, 0, 10.5, 1, 1.1, 0.9
  50, 1, 1e1, 3, 0,   0, 1, 1, 0, 110, ...  the rest of this row follows
      1, 1.1, 0.9
  60, 1, -2,  0, 0,   0, 1, 1, 0, 110, 1, 1.1, 0.9
];
mpc.gen = [
  10  0 0 Inf -Inf 1.02 100 0 200 0;   # out of service, before the one that counts
  10  0 0 Inf -Inf 1.02 100 1 200 0;
  40 40 0  50  -50 1.01   0 1  80 0;
];
mpc.branch = [
  10 20 0.010  0.08 0.12 200 0 0 0    0 1 -360 360;
  20 30 0.004  0.12 0      0 0 0 0.97 0 1 -360 360;
  40 20 0.003  0.14 -0.02 60 0 0 1.04 -30 1 -360 360;
  10 20 0.001  0.09 0.05   0 0 0 1/1 5 1 -360 360;
  20 50 0.002  0.10 0      0 0 0 0    0 1 -360 360;
  50 60 0.000 -0.02 0      0 0 0 0    0 1 -360 360;
  50 60 0.050  0.20 0.01   0 0 0 0    0 0 -360 360;
];
%{
mpc.bus = [];
%}
mpc.gencost = [2 0 0 3 0.01 20 0];
mpc.gencost(:, 5) = mpc.gencost(:, 5) * 2;
end
